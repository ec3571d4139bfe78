with deliveries as (

    {{ deliveries('credit_limits') }}

),

placed as (

    select
        *,
        {{ place_in_landing('borrower_key, effective_on') }} as place_in_landing
    from deliveries

),

feat_limit_delivery as (

    select
        borrower_key,
        effective_on,
        credit_limit,
        {{ landed_on('borrower_key, effective_on') }} as landed_on,
        {{ superseded_on('borrower_key, effective_on') }} as superseded_on
    from placed
    where place_in_landing = 1

)

select * from feat_limit_delivery
