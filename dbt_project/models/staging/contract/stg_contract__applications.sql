with source as (
    select * from {{ ref('base_contract__applications') }}
),

stg_contract__applications as (
    select
        -- ids
        application_key,
        borrower_key,

        -- texts
        decision,
        drawdown_decision,

        -- numbers
        requested_amount,
        approved_limit,
        drawdown_amount,
        application_score,

        -- dates and times
        applied_at,
        decided_at,
        drawdown_applied_at,
        drawdown_decided_at,
        disbursed_at,

        -- delivery
        _batch,
        _landed_at,

        -- empty is told
        coalesce(channel, 'unknown') as channel,
        coalesce(region, 'unknown') as region,
        coalesce(industry, 'unknown') as industry
    from source
    where _status = 'accepted'
)

select * from stg_contract__applications
