with source as (
    select * from {{ ref('base_contract__business_adjustments') }}
),

stg_contract__business_adjustments as (
    select
        -- ids
        adjustment_key,

        -- texts
        kind,
        description,

        -- numbers
        magnitude,

        -- dates and times
        adjusted_on,

        -- delivery
        _batch,
        _landed_at
    from source
    where _status = 'accepted'
)

select * from stg_contract__business_adjustments
