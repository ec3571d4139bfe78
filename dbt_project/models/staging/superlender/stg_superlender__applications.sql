with

loans as (
    select * from {{ ref('stg_superlender__delivered_loans') }}
),

borrowers as (
    select * from {{ ref('stg_superlender__borrowers') }}
),

-- Only approved requests are in the files; what was asked for is not, so it is taken to
-- be what was lent.
stg_superlender__applications as (
    select
        loans.loan_key as application_key,
        loans.borrower_key,
        loans.channel,
        loans.requested_at as applied_at,
        loans.principal as requested_amount,
        borrowers.region,
        borrowers.industry,
        'approved' as decision,
        loans.approved_at as decided_at,
        loans.principal as approved_limit,
        cast(null as timestamp) as drawdown_applied_at,
        cast(null as decimal(18, 2)) as drawdown_amount,
        cast(null as varchar) as drawdown_decision,
        cast(null as timestamp) as drawdown_decided_at,
        loans.approved_at as disbursed_at,
        cast(null as double) as application_score,
        loans._batch,
        loans._landed_at
    from loans
    inner join borrowers
        on loans.borrower_key = borrowers.borrower_key
)

select * from stg_superlender__applications
