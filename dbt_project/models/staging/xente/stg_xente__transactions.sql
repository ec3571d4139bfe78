with

delivered as (
    select * from {{ ref('base_xente__payment_transactions') }}
),

-- Payments for goods and services: money the customer pays out.
stg_xente__transactions as (
    select
        transaction_key,
        borrower_key,
        transactionstarttime as occurred_at,
        -abs(amount) as amount,
        coalesce(productcategory, 'unknown') as kind,
        _batch,
        _landed_at
    from delivered
    where _status = 'accepted'
)

select * from stg_xente__transactions
