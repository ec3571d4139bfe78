with applications as (

    select
        application_key,
        borrower_key,
        cohort_month,
        applied_at,
        is_approved,
        is_disbursed,
        application_score,
        cast(applied_at as date) as applied_on
    from {{ ref('fct_application') }}

),

deliveries as (

    select * from {{ ref('feat_application_delivery') }}

),

borrowers as (

    select * from {{ ref('feat_borrower_delivery') }}

),

attributes as (

    select * from {{ ref('int_application_attribute') }}

),

requests as (

    select * from {{ ref('feat_application_request') }}

),

histories as (

    select * from {{ ref('feat_application_history') }}

),

-- Of an application that was drawn several times the first loan tells.
ranked_outcomes as (

    select
        *,
        row_number() over (
            partition by application_key
            order by disbursed_on, loan_no
        ) as place
    from {{ ref('feat_loan_outcome') }}
    where application_key is not null

),

outcomes as (

    select * from ranked_outcomes
    where place = 1

),

described as (

    select
        applications.*,
        deliveries.requested_amount,
        deliveries.channel,
        deliveries.region,
        deliveries.industry,
        requests.applications_12m,
        requests.applications_90d,
        requests.rejected_12m,
        requests.contacts_12m,
        requests.broken_promises_12m,
        requests.inflow_3m,
        requests.outflow_3m,
        requests.transactions_3m,
        requests.credit_limit,
        histories.loans_12m,
        histories.open_loans,
        histories.closed_loans,
        histories.loans_90d,
        histories.events_12m,
        histories.closed_late,
        histories.mean_days_over_term,
        histories.max_days_over_term,
        histories.last_days_over_term,
        histories.mean_run_share,
        histories.min_run_share,
        histories.last_run_share,
        histories.last_closed_on,
        histories.mean_days_between_loans,
        histories.last_disbursed_on,
        histories.open_principal,
        histories.largest_principal,
        histories.mean_principal,
        histories.last_principal,
        histories.first_principal,
        histories.instalments_12m,
        histories.late_instalment_share,
        histories.late_instalment_share_recent,
        histories.worst_dpd_12m,
        histories.mean_days_late,
        histories.spread_days_late,
        histories.min_days_late,
        histories.last_days_late,
        histories.last_first_days_late,
        histories.mean_first_days_late,
        borrowers.kind,
        borrowers.birth_year,
        borrowers.registered_at,
        borrowers.monthly_income,
        borrowers.other_income,
        borrowers.employment_months,
        borrowers.liquid_assets,
        borrowers.fixed_assets,
        borrowers.house_value,
        borrowers.vehicle_value,
        borrowers.company_assets,
        borrowers.personal_credit_score,
        borrowers.family_credit_score,
        borrowers.company_credit_score,
        attributes.employees,
        attributes.is_new_business,
        attributes.is_franchise,
        attributes.location_kind,
        attributes.is_revolving,
        attributes.is_low_doc,
        attributes.guaranteed_share,
        attributes.jobs_created,
        attributes.jobs_retained,
        attributes.is_lender_in_state,
        attributes.bank_account_type,
        attributes.bank_name,
        attributes.employment_status,
        attributes.education,
        attributes.loan_number,
        attributes.is_referred,
        attributes.requested_term_days,
        attributes.product,
        outcomes.is_bad,
        outcomes.outcome_known_on,
        outcomes.outcome_source,
        outcomes.is_mature,
        coalesce(borrowers.monthly_income, 0) + coalesce(borrowers.other_income, 0)
            as income
    from applications
    inner join borrowers
        on
            applications.borrower_key = borrowers.borrower_key
            and {{ is_known_on('borrowers', 'applications.applied_on') }}
    inner join deliveries
        on
            applications.application_key = deliveries.application_key
            and {{ is_known_on('deliveries', 'applications.applied_on') }}
    left join requests on applications.application_key = requests.application_key
    left join histories on applications.application_key = histories.application_key
    left join attributes on applications.application_key = attributes.application_key
    left join outcomes on applications.application_key = outcomes.application_key

),

feat_application as (

    select
        application_key,
        borrower_key,
        cohort_month,
        applied_at,
        is_approved,
        is_disbursed,
        is_bad,
        outcome_known_on,
        coalesce(is_mature, false) as is_mature,
        outcome_source,
        application_score as lender_score,
        cast(requested_amount as double) as requested_amount,
        {{ ratio('requested_amount', 'income') }} as requested_to_income,
        requested_term_days,
        cast(extract(hour from applied_at) as integer) as hour_applied,
        channel,
        kind,
        region,
        industry,
        cast(extract(year from applied_at) as integer) - birth_year as age_years,
        {{ remembered(
            days_between('cast(registered_at as date)', 'applied_on'), memory_days()
        ) }} as relationship_days,
        cast(monthly_income as double) as monthly_income,
        cast(other_income as double) as other_income,
        employment_months,
        cast(liquid_assets as double) as liquid_assets,
        cast(fixed_assets as double) as fixed_assets,
        cast(house_value as double) as house_value,
        cast(vehicle_value as double) as vehicle_value,
        cast(company_assets as double) as company_assets,
        personal_credit_score,
        family_credit_score,
        company_credit_score,
        cast(coalesce(applications_12m, 0) as integer) as applications_12m,
        cast(coalesce(applications_90d, 0) as integer) as applications_90d,
        cast(coalesce(rejected_12m, 0) as integer) as rejected_12m,
        cast(coalesce(loans_12m, 0) as integer) as loans_12m,
        cast(coalesce(loans_90d, 0) as integer) as loans_90d,
        cast(coalesce(open_loans, 0) as integer) as open_loans,
        cast(coalesce(open_principal, 0) as double) as open_principal,
        cast(coalesce(events_12m, 0) as integer) as events_12m,
        {{ remembered(
            days_between('last_disbursed_on', 'applied_on'), memory_days()
        ) }} as days_since_last_loan,
        {{ days_between('last_closed_on', 'applied_on') }} as days_since_last_closed,
        mean_days_between_loans,
        {{ ratio('requested_amount', 'largest_principal') }}
            as requested_to_largest_principal,
        {{ ratio('requested_amount', 'mean_principal') }}
            as requested_to_mean_principal,
        {{ ratio('requested_amount', 'last_principal') }}
            as requested_to_last_principal,
        cast(largest_principal as double) as largest_principal_before,
        {{ ratio('last_principal', 'first_principal') }} as principal_growth,
        {{ ratio('closed_late', 'closed_loans') }} as closed_late_share_before,
        mean_days_over_term as mean_days_over_term_before,
        max_days_over_term as max_days_over_term_before,
        last_days_over_term as last_loan_days_over_term,
        mean_run_share as mean_run_share_before,
        min_run_share as min_run_share_before,
        last_run_share as last_loan_run_share,
        {{ if_delivered('repayments', 'instalments_12m') }} as instalments_12m,
        {{ if_delivered('repayments', 'late_instalment_share', 'double') }}
            as late_instalment_share_before,
        {{ if_delivered('repayments', 'late_instalment_share_recent', 'double') }}
            as late_instalment_share_recent,
        {{ if_delivered('repayments', 'worst_dpd_12m') }} as worst_dpd_12m,
        {{ if_delivered('repayments', 'mean_days_late', 'double') }}
            as mean_days_late_before,
        {{ if_delivered('repayments', 'spread_days_late', 'double') }}
            as spread_days_late_before,
        {{ if_delivered('repayments', 'min_days_late') }} as min_days_late_before,
        {{ if_delivered('repayments', 'last_days_late') }} as last_instalment_days_late,
        {{ if_delivered('repayments', 'last_first_days_late') }}
            as last_loan_first_days_late,
        {{ if_delivered('repayments', 'mean_first_days_late', 'double') }}
            as mean_first_days_late_before,
        cast(credit_limit as double) as credit_limit,
        {{ ratio('requested_amount', 'credit_limit') }} as requested_to_limit,
        {{ if_delivered('collections', 'coalesce(contacts_12m, 0)') }} as contacts_12m,
        {{ if_delivered('collections', 'coalesce(broken_promises_12m, 0)') }}
            as broken_promises_12m,
        {{ if_delivered('transactions', 'coalesce(inflow_3m, 0)', 'double') }}
            as inflow_3m,
        {{ if_delivered('transactions', 'coalesce(outflow_3m, 0)', 'double') }}
            as outflow_3m,
        {{ if_delivered('transactions', 'coalesce(transactions_3m, 0)') }}
            as transactions_3m,
        employees,
        cast(is_new_business as integer) as is_new_business,
        cast(is_franchise as integer) as is_franchise,
        location_kind,
        cast(is_revolving as integer) as is_revolving,
        cast(is_low_doc as integer) as is_low_doc,
        guaranteed_share,
        jobs_created,
        jobs_retained,
        cast(is_lender_in_state as integer) as is_lender_in_state,
        bank_account_type,
        bank_name,
        employment_status,
        education,
        loan_number,
        cast(is_referred as integer) as is_referred,
        product
    from described

)

select * from feat_application
