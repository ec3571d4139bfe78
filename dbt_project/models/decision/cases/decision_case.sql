with features as (

    select * from {{ ref('feat_application') }}

),

applications as (

    select * from {{ ref('fct_application') }}

),

borrowers as (

    select * from {{ ref('dim_borrower') }}

),

histories as (

    select * from {{ ref('int_decision_history') }}

),

waiting as (

    select
        borrower_key,
        min(known_from) as known_from
    from (
        select
            borrower_key,
            known_from,
            status
        from {{ source('identity', 'identity_review') }}
        union all
        select
            former_borrower_key as borrower_key,
            known_from,
            status
        from {{ source('identity', 'identity_review') }}
    ) as either_way
    where status = 'waiting'
    group by borrower_key

),

scores as (

    select * from {{ source('risk', 'score') }}

),

ranked_loans as (

    select
        application_key,
        principal,
        row_number() over (
            partition by application_key
            order by disbursed_on, loan_no
        ) as place
    from {{ ref('feat_loan_outcome') }}
    where application_key is not null

),

granted as (

    select
        application_key,
        principal
    from ranked_loans
    where place = 1

),

decision_case as (

    select
        features.application_key,
        features.borrower_key,
        histories.former_borrower_key,
        cast(features.applied_at as date) as applied_on,
        features.cohort_month,
        features.kind,
        coalesce(features.region, borrowers.region) as region,
        coalesce(features.industry, borrowers.industry) as industry,
        features.channel,
        case
            when features.kind = 'company' then 'company'
            when features.age_years < 30 then 'under 30'
            when features.age_years < 45 then '30 to 44'
            when features.age_years < 60 then '45 to 59'
            when features.age_years >= 60 then '60 and over'
            else 'not known'
        end as age_band,
        histories.loans_before > 0 as is_existing_borrower,
        case
            when histories.former_borrower_key is not null then 'returning'
            when cast(features.applied_at as date) >= waiting.known_from then 'review'
            else 'own'
        end as identity_status,
        case
            when coalesce(features.requested_amount, 0) <= 0 then 'nothing requested'
            when applications.decided_at < features.applied_at
                then 'decided before it was applied for'
            when features.age_years < 0 then 'the borrower is younger than it'
        end as contradiction,
        features.requested_amount,
        features.requested_to_income,
        case
            when features.monthly_income is null and features.other_income is null
                then cast(null as double)
            else
                coalesce(features.monthly_income, 0) + coalesce(features.other_income, 0)
        end as monthly_income,
        features.inflow_3m / 3.0 as monthly_inflow,
        features.employment_months,
        features.requested_term_days,
        features.applications_90d,
        features.rejected_12m,
        features.contacts_12m,
        features.broken_promises_12m,
        cast(histories.loans_before as integer) as loans_before,
        cast(histories.open_loans as integer) as open_loans,
        cast(histories.repaid_loans as integer) as repaid_loans,
        cast(histories.events_12m as integer) as events_12m,
        cast(histories.largest_repaid as double) as largest_repaid,
        cast(histories.last_principal as double) as last_principal,
        cast(histories.open_principal as double) as open_principal,
        histories.days_since_last_loan,
        histories.most_days_over_term,
        histories.last_days_over_term,
        histories.late_share_12m,
        histories.worst_dpd_12m,
        histories.overdue_days_now,
        cast(histories.credit_limit as double) as credit_limit_before,
        {{ ratio('features.requested_amount', 'histories.credit_limit') }}
            as requested_to_limit,
        {{ ratio('features.requested_amount', 'histories.largest_repaid') }}
            as requested_to_largest_repaid,
        -- A cross-fitted score has seen outcomes that came after the application.
        case when scores.scoring <> 'cross_fitted' then scores.pd end as score_pd,
        case
            when scores.scoring <> 'cross_fitted'
                then ln(scores.pd / (1 - scores.pd))
        end as score_log_odds,
        case when scores.scoring <> 'cross_fitted' then scores.model_version end
            as score_version,
        case when scores.scoring <> 'cross_fitted' then scores.reason_codes end
            as score_reasons,
        features.is_bad,
        features.outcome_known_on,
        cast(granted.principal as double) as granted_amount,
        applications.decision is not null or applications.is_approved
            as is_decided_by_lender
    from features
    inner join applications on features.application_key = applications.application_key
    inner join borrowers on features.borrower_key = borrowers.borrower_key
    inner join histories on features.application_key = histories.application_key
    left join waiting on features.borrower_key = waiting.borrower_key
    left join scores on features.application_key = scores.application_key
    left join granted on features.application_key = granted.application_key

)

select * from decision_case
