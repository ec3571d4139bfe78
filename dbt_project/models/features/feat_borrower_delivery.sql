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
        row_number() over (
            partition by borrower_key, _landed_at
            order by _file desc, _row desc
        ) as place_in_landing
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
        -- Of what was before the first delivery nobody knows better.
        case
            when row_number() over by_landing = 1 then cast('0001-01-01' as date)
            else cast(_landed_at as date)
        end as landed_on,
        coalesce(
            lead(cast(_landed_at as date)) over by_landing, cast('9999-12-31' as date)
        ) as superseded_on
    from placed
    where place_in_landing = 1
    window
        by_landing as (
            partition by borrower_key
            order by _landed_at
        )

)

select * from feat_borrower_delivery
