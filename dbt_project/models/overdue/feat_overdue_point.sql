{{ config(materialized='view') }}

with loan_months as (

    select * from {{ ref('fct_loan_month') }}

),

feat_overdue_point as (

    select distinct
        borrower_key,
        {{ month_end(month_number('month')) }} as as_of
    from loan_months
    where days_past_due > 0

)

select * from feat_overdue_point
