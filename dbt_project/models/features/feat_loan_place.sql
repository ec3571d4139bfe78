{{ config(materialized='view') }}

with loans as (

    select * from {{ ref('int_loan') }}

),

feat_loan_place as (

    select
        *,
        cast(
            row_number() over (
                partition by borrower_no
                order by disbursed_on, loan_no
            ) as integer
        ) as loan_place
    from loans

)

select * from feat_loan_place
