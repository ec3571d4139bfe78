with

delivered as (
    select * from {{ ref('base_sba_7a__loans') }}
),

borrowers as (
    select * from {{ ref('stg_sba_7a__borrowers') }}
),

-- Only approved requests are in the file, dated by their approval.
stg_sba_7a__applications as (
    select
        delivered.loan_key as application_key,
        delivered.loan_key as borrower_key,
        'unknown' as channel,
        cast(delivered.approvaldate as timestamp) as applied_at,
        delivered.grappv as requested_amount,
        borrowers.region,
        borrowers.industry,
        'approved' as decision,
        cast(delivered.approvaldate as timestamp) as decided_at,
        delivered.grappv as approved_limit,
        cast(null as timestamp) as drawdown_applied_at,
        cast(null as decimal(18, 2)) as drawdown_amount,
        cast(null as varchar) as drawdown_decision,
        cast(null as timestamp) as drawdown_decided_at,
        case
            when delivered.disbursementgross > 0
                then cast(delivered.disbursementdate as timestamp)
        end as disbursed_at,
        cast(null as double) as application_score,
        delivered._batch,
        delivered._landed_at
    from delivered
    inner join borrowers
        on delivered.loan_key = borrowers.borrower_key
    where delivered._status = 'accepted'
)

select * from stg_sba_7a__applications
