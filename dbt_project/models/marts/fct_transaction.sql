with transactions as (

    select * from {{ staged('transactions') }}

),

fct_transaction as (

    select
        transaction_key,
        borrower_key,
        occurred_at,
        amount,
        kind
    from transactions

)

select * from fct_transaction
