with applications as (

    select * from {{ staged('applications') }}

),

loans as (

    select * from {{ staged('loans') }}

),

first_loans as (

    select
        borrower_key,
        min(disbursed_on) as disbursed_on
    from loans
    group by borrower_key

),

-- Not every lender records every stage: money that left was approved and asked for.
approved as (

    select
        *,
        coalesce(
            decision = 'approved',
            drawdown_applied_at is not null or disbursed_at is not null
        ) as is_approved
    from applications

),

disbursed as (

    select
        *,
        is_approved
        and disbursed_at is not null
        and coalesce(drawdown_decision = 'approved', true)
            as is_disbursed
    from approved

),

fct_application as (

    select
        disbursed.application_key,
        disbursed.borrower_key,
        cast(date_trunc('month', disbursed.applied_at) as date) as cohort_month,
        disbursed.channel,
        disbursed.region,
        disbursed.industry,
        disbursed.decision,
        disbursed.drawdown_decision,
        disbursed.is_approved,
        disbursed.is_disbursed
        or (disbursed.is_approved and disbursed.drawdown_applied_at is not null)
            as is_drawdown_applied,
        disbursed.is_disbursed,
        coalesce(
            first_loans.disbursed_on < cast(disbursed.applied_at as date), false
        ) as is_existing_borrower,
        disbursed.requested_amount,
        disbursed.approved_limit,
        disbursed.drawdown_amount,
        disbursed.application_score,
        disbursed.applied_at,
        disbursed.decided_at,
        disbursed.drawdown_applied_at,
        disbursed.drawdown_decided_at,
        disbursed.disbursed_at
    from disbursed
    left join first_loans on disbursed.borrower_key = first_loans.borrower_key

)

select * from fct_application
