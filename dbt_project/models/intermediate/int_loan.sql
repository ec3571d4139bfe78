-- Integers instead of 32-character keys: joins and sorts over instalments and months cost
-- a fraction. The numbers hold within one build only and stand in no mart.
with loans as (

    select * from {{ staged('loans') }}

),

numbered as (

    select
        cast(row_number() over by_borrower_and_loan as integer) as loan_no,
        cast(dense_rank() over by_borrower as integer) as borrower_no,
        loan_key,
        borrower_key,
        application_key,
        principal,
        annual_rate,
        disbursed_on,
        cycle_days,
        reported_outcome,
        observed_until,
        -- A term of 0 months is how some lenders write "unknown".
        nullif(term_months, 0) as term_months
    from loans
    window
        by_borrower as (
            order by borrower_key
        ),
        by_borrower_and_loan as (
            order by borrower_key, loan_key
        )

),

with_instalments as (

    select
        *,
        {{ instalment_count('term_months', 'cycle_days') }} as instalment_count,
        {{ period_rate('annual_rate', 'cycle_days') }} as period_rate
    from numbered

),

int_loan as (

    select
        loan_no,
        borrower_no,
        loan_key,
        borrower_key,
        application_key,
        principal,
        annual_rate,
        term_months,
        cycle_days,
        disbursed_on,
        reported_outcome,
        observed_until,
        instalment_count,
        {{ principal_share('period_rate', 'instalment_count') }} as principal_share,
        {{ months_after('disbursed_on', 'term_months') }} as matures_on,
        {{ month_number('disbursed_on') }} as first_month_no
    from with_instalments

)

select * from int_loan
