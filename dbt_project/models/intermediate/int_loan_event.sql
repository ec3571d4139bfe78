with loan_events as (

    select * from {{ staged('loan_events') }}

),

loans as (

    select * from {{ ref('int_loan') }}

),

int_loan_event as (

    select
        loans.loan_no,
        loan_events.kind,
        loan_events.occurred_on,
        loan_events.amount
    from loan_events
    inner join loans on loan_events.loan_key = loans.loan_key

)

select * from int_loan_event
