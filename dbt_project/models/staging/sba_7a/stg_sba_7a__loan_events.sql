with

delivered as (
    select * from {{ ref('base_sba_7a__loans') }}
),

accepted as (
    select * from delivered
    where _status = 'accepted'
),

-- What the file knows ends with its last charge-off.
last_known as (
    select max(chgoffdate) as known_until from accepted
),

charge_offs as (
    select
        loan_key,
        chgoffdate as occurred_on,
        'charge_off' as kind,
        chgoffpringr as amount,
        _batch,
        _landed_at
    from accepted
    where mis_status = 'CHGOFF'
),

-- The day of full payment is not published. A loan that was paid in full is taken to have
-- run its Term; the Term of a charged-off loan is used nowhere.
assumed_payments as (
    select
        loan_key,
        {{ months_after('disbursementdate', 'term') }} as occurred_on,
        'paid_in_full' as kind,
        cast(null as decimal(18, 2)) as amount,
        _batch,
        _landed_at
    from accepted
    where
        mis_status = 'P I F'
        and term > 0
),

paid_in_full as (
    select assumed_payments.*
    from assumed_payments
    cross join last_known
    where assumed_payments.occurred_on <= last_known.known_until
),

stg_sba_7a__loan_events as (
    select * from charge_offs
    union all
    select * from paid_in_full
)

select * from stg_sba_7a__loan_events
