{{ config(materialized='view') }}

with loans as (

    select
        loan_key,
        loan_no,
        borrower_no,
        borrower_key,
        principal,
        term_months,
        {{ monthly_instalment(
            'principal', 'principal_share', 'instalment_count', 'cycle_days'
        ) }} as monthly_instalment
    from {{ ref('int_loan') }}

),

lives as (

    select * from {{ ref('int_loan_life') }}

),

-- The open loans of a month are those that go on after it.
loan_months as (

    select
        loans.borrower_no,
        loans.borrower_key,
        loan_months.days_past_due,
        loan_months.days_past_due_max,
        loan_months.exposure,
        not loan_months.is_closed as is_open,
        lives.event_month_no,
        lives.observed_month_no,
        {{ month_number('loan_months.month') }} as month_no,
        case when not loan_months.is_closed then loans.principal end as open_principal,
        case when not loan_months.is_closed then loans.monthly_instalment end
            as monthly_instalment,
        case when not loan_months.is_closed then loan_months.months_on_book + 1 end
            as months_on_book,
        case
            when not loan_months.is_closed and loans.term_months > 0
                then
                    greatest(0, loans.term_months - loan_months.months_on_book - 1)
                    / cast(loans.term_months as double)
        end as remaining_term_share
    from {{ ref('fct_loan_month') }} as loan_months
    inner join loans on loan_months.loan_key = loans.loan_key
    inner join lives on loans.loan_no = lives.loan_no

),

feat_borrower_state as (

    select
        borrower_no,
        borrower_key,
        month_no,
        max(days_past_due) as days_past_due,
        max(days_past_due_max) as days_past_due_max,
        sum(exposure) as exposure,
        count(case when is_open then 1 end) as open_loans,
        sum(open_principal) as open_principal,
        {{ repeatable('sum(monthly_instalment)') }} as monthly_instalment,
        max(months_on_book) as months_on_book,
        {{ repeatable('avg(remaining_term_share)') }} as remaining_term_share,
        max(case when is_open then days_past_due end) as days_past_due_open,
        count(
            case
                when
                    is_open
                    and (event_month_no is null or event_month_no > month_no)
                    and (observed_month_no is null or observed_month_no > month_no)
                    then 1
            end
        ) as loans_at_risk_next
    from loan_months
    group by borrower_no, borrower_key, month_no

)

select * from feat_borrower_state
