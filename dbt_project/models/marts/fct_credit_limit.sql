with credit_limits as (

    select * from {{ staged('credit_limits') }}

),

fct_credit_limit as (

    select
        borrower_key,
        effective_on,
        credit_limit
    from credit_limits

)

select * from fct_credit_limit
