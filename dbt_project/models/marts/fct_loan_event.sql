with loan_events as (

    select * from {{ staged('loan_events') }}

),

fct_loan_event as (

    select
        loan_key,
        occurred_on,
        kind,
        amount
    from loan_events

)

select * from fct_loan_event
