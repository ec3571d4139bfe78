{#- Other sources deliver no file of borrowers that could tell of changes. -#}
{% set has_deliveries = (
    var('source') == 'contract' and 'borrowers' not in var('absent')
) %}
with deliveries as (

    {% if has_deliveries %}
        select *
        from {{ ref('stg_contract__borrower_deliveries') }}
    {% else %}
        select
            *,
            cast(null as varchar) as _file,
            cast(null as bigint) as _row
        from {{ staged('borrowers') }}
    {% endif %}

),

placed as (

    select
        *,
        {{ place_in_landing('borrower_key') }} as place_in_landing
    from deliveries

),

feat_borrower_delivery as (

    select
        borrower_key,
        kind,
        region,
        industry,
        birth_year,
        registered_at,
        monthly_income,
        other_income,
        employment_months,
        liquid_assets,
        fixed_assets,
        house_value,
        vehicle_value,
        company_assets,
        personal_credit_score,
        family_credit_score,
        company_credit_score,
        {{ landed_on('borrower_key') }} as landed_on,
        {{ superseded_on('borrower_key') }} as superseded_on
    from placed
    where place_in_landing = 1

)

select * from feat_borrower_delivery
