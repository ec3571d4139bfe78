-- depends_on: {{ ref('int_rebuild_window') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='months',
        on_schema_change='fail',
    )
}}

with loan_months as (

    select * from {{ ref('int_loan_month') }}

),

loans as (

    select * from {{ ref('int_loan') }}

),

fct_loan_month as (

    select
        loans.loan_key,
        loans.borrower_key,
        {{ month_start('loan_months.month_no') }} as month,
        loan_months.months_on_book,
        loan_months.days_past_due,
        loan_months.days_past_due_max,
        loan_months.days_past_due_at_start,
        loan_months.exposure,
        loan_months.is_closed,
        loan_months.is_at_risk,
        loan_months.is_event,
        loan_months.is_event_in_first_month
    from loan_months
    inner join loans on loan_months.loan_no = loans.loan_no

)

select * from fct_loan_month
