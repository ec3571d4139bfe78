with

requests as (
    select * from {{ ref('stg_xente__requests') }}
),

-- Every loan is due in one sum 30 days after its issue. Its charge grows with the days
-- until it is paid, so no rate is agreed in advance.
stg_xente__loans as (
    select
        loan_key,
        application_key,
        borrower_key,
        amount as principal,
        cast(null as double) as annual_rate,
        1 as term_months,
        cast(issued_at as date) as disbursed_on,
        30 as cycle_days,
        reported_outcome,
        -- The later file has no outcomes.
        case when not is_outcome_known then cast(issued_at as date) end as observed_until,
        _batch,
        _landed_at
    from requests
    where is_accepted
)

select * from stg_xente__loans
