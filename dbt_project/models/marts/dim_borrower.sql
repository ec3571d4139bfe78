with borrowers as (

    select * from {{ staged('borrowers') }}

),

dim_borrower as (

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
        company_credit_score
    from borrowers

)

select * from dim_borrower
