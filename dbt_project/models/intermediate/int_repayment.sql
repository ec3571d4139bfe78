with repayments as (

    select * from {{ staged('repayments') }}

),

loans as (

    select * from {{ ref('int_loan') }}

),

int_repayment as (

    select
        loans.loan_no,
        repayments.instalment_no,
        repayments.payment_no,
        repayments.due_on,
        repayments.due_amount,
        repayments.paid_on,
        coalesce(repayments.paid_amount, 0) as paid_amount
    from repayments
    inner join loans on repayments.loan_key = loans.loan_key

)

select * from int_repayment
