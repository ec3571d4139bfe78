with source as (
    select * from {{ ref('base_contract__borrowers') }}
),

stg_contract__borrower_deliveries as (
    select
        -- ids
        borrower_key,

        -- texts
        kind,

        -- numbers
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

        -- dates and times
        registered_at,

        -- delivery
        _file,
        _row,
        _batch,
        _landed_at,
        _status,

        -- empty is told, birthdays are not
        cast(extract(year from born_or_founded_on) as integer) as birth_year,
        coalesce(region, 'unknown') as region,
        coalesce(industry, 'unknown') as industry
    from source
    where _status in ('accepted', 'superseded')
)

select * from stg_contract__borrower_deliveries
