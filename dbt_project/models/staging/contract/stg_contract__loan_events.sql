with source as (
    select * from {{ ref('base_contract__loan_events') }}
),

stg_contract__loan_events as (
    select
        -- ids
        loan_key,

        -- texts
        kind,

        -- numbers
        amount,

        -- dates and times
        occurred_on,

        -- delivery
        _batch,
        _landed_at
    from source
    where _status = 'accepted'
)

select * from stg_contract__loan_events
