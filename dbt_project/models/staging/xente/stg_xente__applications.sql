with

requests as (
    select * from {{ ref('stg_xente__requests') }}
),

stg_xente__applications as (
    select
        application_key,
        borrower_key,
        channel,
        requested_at as applied_at,
        amount as requested_amount,
        'Uganda' as region,
        industry,
        case when is_accepted then 'approved' else 'rejected' end as decision,
        -- When a rejection was made is not published.
        issued_at as decided_at,
        case when is_accepted then amount end as approved_limit,
        cast(null as timestamp) as drawdown_applied_at,
        cast(null as decimal(18, 2)) as drawdown_amount,
        cast(null as varchar) as drawdown_decision,
        cast(null as timestamp) as drawdown_decided_at,
        issued_at as disbursed_at,
        cast(null as double) as application_score,
        _batch,
        _landed_at
    from requests
)

select * from stg_xente__applications
