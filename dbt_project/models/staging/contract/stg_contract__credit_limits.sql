with source as (
    select * from {{ ref('base_contract__credit_limits') }}
),

stg_contract__credit_limits as (
    select
        -- ids
        borrower_key,

        -- numbers
        credit_limit,

        -- dates and times
        effective_on,

        -- delivery
        _batch,
        _landed_at
    from source
    where _status = 'accepted'
)

select * from stg_contract__credit_limits
