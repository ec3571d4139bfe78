-- The events of the months are those of the loans: one per loan, in the month of its day.
with loans as (

    select
        loan_key,
        {{ month_start(month_number('event_on')) }} as month
    from {{ ref('fct_loan') }}
    where event_on is not null

),

loan_months as (

    select
        loan_key,
        month
    from {{ ref('fct_loan_month') }}
    where is_event or is_event_in_first_month

)

select
    loans.loan_key,
    loans.month as month_of_loan,
    loan_months.month as month_of_event
from loans
full outer join loan_months
    on loans.loan_key = loan_months.loan_key and loans.month = loan_months.month
where loans.loan_key is null or loan_months.loan_key is null
