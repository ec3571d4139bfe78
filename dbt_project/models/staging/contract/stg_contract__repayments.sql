with source as (
    select * from {{ ref('base_contract__repayments') }}
),

stg_contract__repayments as (
    select
        -- ids
        loan_key,

        -- numbers
        instalment_no,
        payment_no,
        due_amount,
        paid_amount,

        -- dates and times
        due_on,
        paid_on,

        -- delivery
        _batch,
        _landed_at
    from source
    where _status = 'accepted'
)

select * from stg_contract__repayments
