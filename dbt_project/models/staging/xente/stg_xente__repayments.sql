with

delivered as (
    select * from {{ ref('base_xente__applications') }}
),

requests as (
    select * from {{ ref('stg_xente__requests') }}
),

paybacks as (
    select * from delivered
    where
        _status = 'accepted'
        and paidondate is not null
),

-- The principal is what is due: the charge depends on the day of payment. AmountLoan,
-- described as the value of the loan, is the amount of the payback (docs/portfolios.md).
stg_xente__repayments as (
    select
        paybacks.loan_key,
        1 as instalment_no,
        cast(
            row_number() over (
                partition by paybacks.loan_key
                order by paybacks.paidondate, paybacks.paybackid
            ) as integer
        ) as payment_no,
        cast(requests.due_at as date) as due_on,
        requests.amount as due_amount,
        cast(paybacks.paidondate as date) as paid_on,
        paybacks.amountloan as paid_amount,
        paybacks._batch,
        paybacks._landed_at
    from paybacks
    inner join requests
        on paybacks.loan_key = requests.loan_key
)

select * from stg_xente__repayments
