with deliveries as (
    select * from {{ ref('stg_contract__borrower_deliveries') }}
),

stg_contract__borrowers as (
    select
        borrower_key,
        kind,
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
        registered_at,
        _batch,
        _landed_at,
        birth_year,
        region,
        industry
    from deliveries
    where _status = 'accepted'
)

select * from stg_contract__borrowers
