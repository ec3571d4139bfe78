with

loans as (
    select * from {{ ref('stg_superlender__delivered_loans') }}
),

stg_superlender__loan_events as (
    select
        loan_key,
        cast(closed_at as date) as occurred_on,
        'paid_in_full' as kind,
        cast(null as decimal(18, 2)) as amount,
        _batch,
        _landed_at
    from loans
    where closed_at is not null
)

select * from stg_superlender__loan_events
