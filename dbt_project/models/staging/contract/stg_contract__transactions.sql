with source as (
    select * from {{ ref('base_contract__transactions') }}
),

stg_contract__transactions as (
    select
        -- ids
        transaction_key,
        borrower_key,

        -- texts
        kind,

        -- numbers
        amount,

        -- dates and times
        occurred_at,

        -- delivery
        _batch,
        _landed_at
    from source
    where _status = 'accepted'
)

select * from stg_contract__transactions
