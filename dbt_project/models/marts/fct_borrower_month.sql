-- depends_on: {{ ref('int_rebuild_window') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='months',
        on_schema_change='fail',
    )
}}

with borrower_months as (

    select * from {{ ref('int_borrower_month') }}

),

borrowers as (

    select distinct
        borrower_no,
        borrower_key
    from {{ ref('int_loan') }}

),

fct_borrower_month as (

    select
        borrowers.borrower_key,
        {{ month_start('borrower_months.month_no') }} as month,
        cast(borrower_months.loans as integer) as loans,
        cast(borrower_months.loans_at_risk as integer) as loans_at_risk,
        borrower_months.current_dpd_max,
        borrower_months.historical_dpd_max,
        borrower_months.exposure,
        borrower_months.is_in_default,
        borrower_months.is_at_risk,
        borrower_months.is_event,
        borrower_months.is_event_in_first_month
    from borrower_months
    inner join borrowers on borrower_months.borrower_no = borrowers.borrower_no

)

select * from fct_borrower_month
