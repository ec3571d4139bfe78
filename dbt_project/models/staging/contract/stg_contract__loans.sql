with source as (
    select * from {{ ref('base_contract__loans') }}
),

stg_contract__loans as (
    select
        -- ids
        loan_key,
        application_key,
        borrower_key,

        -- numbers
        principal,
        annual_rate,
        term_months,
        cycle_days,

        -- dates and times
        disbursed_on,

        -- what only some portfolios tell
        cast(null as varchar) as reported_outcome,
        cast(null as date) as observed_until,

        -- delivery
        _batch,
        _landed_at
    from source
    where _status = 'accepted'
)

select * from stg_contract__loans
