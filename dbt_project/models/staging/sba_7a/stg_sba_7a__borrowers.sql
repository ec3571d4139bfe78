with

delivered as (
    select * from {{ ref('base_sba_7a__loans') }}
),

sectors as (
    select * from {{ ref('stg_sba_7a__sectors') }}
),

-- The file names no firm, so every loan is a borrower of its own.
stg_sba_7a__borrowers as (
    select
        delivered.loan_key as borrower_key,
        'company' as kind,
        cast(null as integer) as birth_year,
        coalesce(delivered.state, 'unknown') as region,
        coalesce(sectors.industry, 'unknown') as industry,
        cast(delivered.approvaldate as timestamp) as registered_at,
        cast(null as decimal(18, 2)) as monthly_income,
        cast(null as decimal(18, 2)) as other_income,
        cast(null as integer) as employment_months,
        cast(null as decimal(18, 2)) as liquid_assets,
        cast(null as decimal(18, 2)) as fixed_assets,
        cast(null as decimal(18, 2)) as house_value,
        cast(null as decimal(18, 2)) as vehicle_value,
        cast(null as decimal(18, 2)) as company_assets,
        cast(null as double) as personal_credit_score,
        cast(null as double) as family_credit_score,
        cast(null as double) as company_credit_score,
        delivered._batch,
        delivered._landed_at
    from delivered
    left join sectors
        on left(delivered.naics, 2) = sectors.naics_sector
    where delivered._status = 'accepted'
)

select * from stg_sba_7a__borrowers
