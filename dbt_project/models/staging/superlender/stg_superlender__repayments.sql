with

loans as (
    select * from {{ ref('stg_superlender__delivered_loans') }}
),

-- Only the first instalment is published. A loan is closed minutes after its last payment
-- is booked, so a loan of one instalment that was closed a day or more after its first
-- payment was paid in parts, and settled only when it was closed.
paid as (
    select
        loan_key,
        first_due_on,
        total_due,
        instalments,
        case
            when
                instalments = 1
                and closed_at >= first_repaid_at + interval '1 day'
                then closed_at
            else first_repaid_at
        end as paid_at,
        _batch,
        _landed_at
    from loans
    where first_repaid_at is not null
),

stg_superlender__repayments as (
    select
        loan_key,
        1 as instalment_no,
        1 as payment_no,
        first_due_on as due_on,
        cast(round(total_due / instalments, 2) as decimal(18, 2)) as due_amount,
        cast(paid_at as date) as paid_on,
        cast(round(total_due / instalments, 2) as decimal(18, 2)) as paid_amount,
        _batch,
        _landed_at
    from paid
)

select * from stg_superlender__repayments
