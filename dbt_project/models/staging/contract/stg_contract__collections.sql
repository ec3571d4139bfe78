with source as (
    select * from {{ ref('base_contract__collections') }}
),

stg_contract__collections as (
    select
        -- ids
        contact_key,
        borrower_key,

        -- texts
        medium,
        outcome,

        -- numbers
        promised_amount,

        -- dates and times
        contacted_at,
        promised_on,

        -- delivery
        _batch,
        _landed_at
    from source
    where _status = 'accepted'
)

select * from stg_contract__collections
