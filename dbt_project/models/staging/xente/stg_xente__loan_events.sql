with

delivered as (
    select * from {{ ref('base_xente__applications') }}
),

-- IsDefaulted says that the agreed time was exceeded, which the unpaid instalment says
-- too: it is no charge-off, and becomes the reported outcome of the loan.
stg_xente__loan_events as (
    select
        loan_key,
        cast(max(paidondate) as date) as occurred_on,
        'paid_in_full' as kind,
        cast(null as decimal(18, 2)) as amount,
        max(_batch) as _batch,
        max(_landed_at) as _landed_at
    from delivered
    where
        _status = 'accepted'
        and isfinalpayback = '1'
    group by loan_key
)

select * from stg_xente__loan_events
