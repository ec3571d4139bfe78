with

loans as (
    select * from {{ ref('stg_superlender__delivered_loans') }}
),

stg_superlender__loans as (
    select
        loan_key,
        loan_key as application_key,
        borrower_key,
        principal,
        cast((total_due / principal - 1) * 365.0 / term_days as double) as annual_rate,
        -- 15 days are no whole number of months.
        case
            when term_days >= 30 then cast(round(term_days / 30.0) as integer)
        end as term_months,
        cast(approved_at as date) as disbursed_on,
        least(term_days, 30) as cycle_days,
        reported_outcome,
        -- Of a loan that was not closed when the files were made, only the flag is known.
        case when closed_at is null then cast(approved_at as date) end as observed_until,
        _batch,
        _landed_at
    from loans
)

select * from stg_superlender__loans
