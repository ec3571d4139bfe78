{{ config(materialized='view') }}

with loans as (

    select * from {{ ref('int_loan') }}

),

deliveries as (

    select * from {{ ref('feat_loan_delivery') }}

),

superseded_exposures as (

    select * from {{ ref('feat_superseded_exposure') }}

),

lives as (

    select * from {{ ref('int_loan_life') }}

),

numbered_months as (

    select
        *,
        not is_closed as is_open,
        {{ month_number('month') }} as month_no
    from {{ ref('fct_loan_month') }}

),

-- The open loans of a month are those that go on after it, their terms those that had
-- been delivered by its end.
loan_months as (

    select
        loans.borrower_no,
        loans.borrower_key,
        loan_months.month_no,
        loan_months.days_past_due,
        loan_months.days_past_due_max,
        loan_months.is_open,
        lives.event_month_no,
        lives.observed_month_no,
        coalesce(superseded_exposures.exposure, loan_months.exposure) as exposure,
        case when loan_months.is_open then terms.principal end as open_principal,
        case when loan_months.is_open then terms.monthly_instalment end
            as monthly_instalment,
        case when loan_months.is_open then loan_months.months_on_book + 1 end
            as months_on_book,
        case
            when loan_months.is_open and terms.term_months > 0
                then
                    greatest(0, terms.term_months - loan_months.months_on_book - 1)
                    / cast(terms.term_months as double)
        end as remaining_term_share
    from numbered_months as loan_months
    inner join loans on loan_months.loan_key = loans.loan_key
    inner join lives on loans.loan_no = lives.loan_no
    inner join deliveries as terms
        on
            loans.loan_no = terms.loan_no
            and {{ is_known_on('terms', month_start('loan_months.month_no + 1')) }}
    left join superseded_exposures
        on
            loans.loan_no = superseded_exposures.loan_no
            and loan_months.month_no = superseded_exposures.month_no

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
