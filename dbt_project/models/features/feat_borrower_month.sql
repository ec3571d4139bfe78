with states as (

    select
        *,
        true as is_built
    from {{ ref('feat_borrower_state') }}

),

borrower_numbers as (

    select distinct
        borrower_no,
        borrower_key
    from {{ ref('int_loan') }}

),

activities as (

    select
        borrower_numbers.borrower_no,
        activities.*
    from {{ ref('feat_borrower_activity') }} as activities
    inner join borrower_numbers
        on activities.borrower_key = borrower_numbers.borrower_key

),

loans as (

    select * from {{ ref('feat_loan_place') }}

),

limits as (

    select * from {{ ref('feat_limit_place') }}

),

applications as (

    select * from {{ ref('fct_application') }}

),

loan_terms as (

    select * from {{ ref('feat_loan_delivery') }}

),

limit_terms as (

    select * from {{ ref('feat_limit_delivery') }}

),

requests as (

    select * from {{ ref('feat_application_delivery') }}

),

attributes as (

    select * from {{ ref('int_application_attribute') }}

),

borrowers as (

    select * from {{ ref('feat_borrower_delivery') }}

),

outcomes as (

    select
        borrower_key,
        is_event,
        {{ month_number('month') }} as month_no
    from {{ ref('fct_borrower_month') }}

),

-- One row per borrower and month in which it had a loan or something happened; the
-- month is the last one known of.
months as (

    select
        coalesce(states.borrower_no, activities.borrower_no) as borrower_no,
        coalesce(states.month_no, activities.month_no) as known_month_no,
        coalesce(states.is_built, false) as is_built,
        states.borrower_key,
        states.days_past_due,
        states.days_past_due_max,
        states.days_past_due_open,
        states.loans_at_risk_next,
        states.exposure,
        states.open_loans,
        states.open_principal,
        states.monthly_instalment,
        states.months_on_book,
        states.remaining_term_share,
        activities.instalments_due,
        activities.instalments_late,
        activities.past_due_change,
        activities.defaults,
        activities.last_loan_place,
        activities.last_limit_place,
        activities.contacts,
        activities.refusals,
        activities.broken_promises,
        activities.inflow,
        activities.outflow,
        activities.transactions,
        activities.applications,
        activities.rejections
    from states
    full outer join activities
        on
            states.borrower_no = activities.borrower_no
            and states.month_no = activities.month_no

),

remembered as (

    select
        *,
        max(days_past_due_max) over last_3 as days_past_due_max_3m,
        max(days_past_due_max) over last_6 as days_past_due_max_6m,
        max(days_past_due_max) over last_12 as days_past_due_max_12m,
        max(case when days_past_due_max > 0 then known_month_no end) over last_12
            as late_month_no,
        sum(instalments_due) over last_6 as instalments_due_6m,
        sum(instalments_late) over last_6 as instalments_late_6m,
        sum(instalments_late) over last_12 as instalments_late_12m,
        sum(past_due_change) over so_far as past_due_amount,
        max(last_loan_place) over so_far as loan_place,
        max(last_limit_place) over so_far as limit_place,
        sum(contacts) over last_3 as contacts_3m,
        sum(contacts) over last_12 as contacts_12m,
        max(case when contacts > 0 then known_month_no end) over last_12
            as contact_month_no,
        sum(refusals) over last_12 as refusals_12m,
        sum(broken_promises) over last_12 as broken_promises_12m,
        sum(inflow) over last_3 as inflow_3m,
        sum(outflow) over last_3 as outflow_3m,
        sum(transactions) over last_3 as transactions_3m,
        sum(applications) over last_12 as applications_12m,
        sum(rejections) over last_12 as rejections_12m,
        {% if var('default_memory_months') > 0 -%}
            sum(defaults) over in_memory
        {%- else -%}
            0
        {%- endif %} as uncured_defaults
    from months
    window
        so_far as (
            partition by borrower_no
            order by known_month_no
            range between unbounded preceding and current row
        ),
        last_3 as (
            partition by borrower_no
            order by known_month_no
            {{ last_months(3) }}
        ),
        last_6 as (
            partition by borrower_no
            order by known_month_no
            {{ last_months(6) }}
        ),
        last_12 as (
            partition by borrower_no
            order by known_month_no
            {{ last_months(12) }}
        ),
        in_memory as (
            partition by borrower_no
            order by known_month_no
            {{ last_months([var('default_memory_months'), 1] | max) }}
        )

),

-- The rule of int_borrower_month, from what is known at the end of the month before.
at_risk as (

    select
        *,
        known_month_no + 1 as month_no
    from remembered
    where
        is_built
        and loans_at_risk_next > 0
        and days_past_due_open < {{ var('event_dpd_days') }}
        and coalesce(uncured_defaults, 0) = 0

),

described as (

    select
        at_risk.*,
        outcomes.is_event,
        limit_terms.credit_limit,
        loans.disbursed_on,
        loans.first_month_no,
        loan_terms.annual_rate,
        loan_terms.term_months,
        loan_terms.principal,
        applications.applied_at,
        requests.channel,
        requests.requested_amount,
        requests.approved_limit,
        borrowers.kind,
        borrowers.region,
        borrowers.industry,
        borrowers.birth_year,
        borrowers.registered_at,
        borrowers.monthly_income,
        borrowers.other_income,
        borrowers.employment_months,
        borrowers.liquid_assets,
        borrowers.fixed_assets,
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
        coalesce(borrowers.monthly_income, 0) + coalesce(borrowers.other_income, 0)
            as income
    from at_risk
    inner join borrowers
        on
            at_risk.borrower_key = borrowers.borrower_key
            and {{ is_known_on('borrowers', month_start('at_risk.month_no')) }}
    left join outcomes
        on
            at_risk.borrower_key = outcomes.borrower_key
            and at_risk.month_no = outcomes.month_no
    left join loans
        on
            at_risk.borrower_no = loans.borrower_no
            and at_risk.loan_place = loans.loan_place
    left join loan_terms
        on
            loans.loan_no = loan_terms.loan_no
            and {{ is_known_on('loan_terms', month_start('at_risk.month_no')) }}
    left join limits
        on
            at_risk.borrower_key = limits.borrower_key
            and at_risk.limit_place = limits.limit_place
    left join limit_terms
        on
            limits.borrower_key = limit_terms.borrower_key
            and limits.effective_on = limit_terms.effective_on
            and {{ is_known_on('limit_terms', month_start('at_risk.month_no')) }}
    left join applications on loans.application_key = applications.application_key
    left join requests
        on
            loans.application_key = requests.application_key
            and {{ is_known_on('requests', month_start('at_risk.month_no')) }}
    left join attributes on loans.application_key = attributes.application_key

),

feat_borrower_month as (

    select
        borrower_key,
        {{ month_start('month_no') }} as month,
        is_event,
        {{ if_delivered('repayments', 'days_past_due') }} as days_past_due,
        {{ if_delivered('repayments', 'days_past_due_max_3m') }} as days_past_due_max_3m,
        {{ if_delivered('repayments', 'days_past_due_max_6m') }} as days_past_due_max_6m,
        {{ if_delivered('repayments', 'days_past_due_max_12m') }}
            as days_past_due_max_12m,
        {{ if_delivered('repayments', 'month_no - late_month_no') }}
            as months_since_late,
        {{ if_delivered(
            'repayments',
            '1 - ' ~ ratio('instalments_late_6m', 'instalments_due_6m'),
            'double'
        ) }} as paid_on_time_share_6m,
        {{ if_delivered('repayments', 'coalesce(instalments_late_12m, 0)') }}
            as late_instalments_12m,
        {{ if_delivered(
            'repayments',
            ratio('coalesce(past_due_amount, 0)', 'exposure'),
            'double'
        ) }} as past_due_to_exposure,
        cast(exposure as double) as exposure,
        {{ if_delivered(
            'repayments', '1 - ' ~ ratio('exposure', 'open_principal'), 'double'
        ) }} as paid_down_share,
        {{ ratio('exposure', 'credit_limit') }} as utilisation,
        cast(credit_limit as double) as credit_limit,
        cast(open_loans as integer) as open_loans,
        cast(months_on_book as integer) as months_on_book,
        {{ remembered('month_no - first_month_no', memory_months()) }}
            as months_since_last_loan,
        annual_rate,
        term_months,
        remaining_term_share,
        {{ ratio('monthly_instalment', 'income') }} as instalment_to_income,
        {{ if_delivered('collections', 'coalesce(contacts_3m, 0)') }} as contacts_3m,
        {{ if_delivered('collections', 'coalesce(contacts_12m, 0)') }} as contacts_12m,
        {{ if_delivered('collections', 'month_no - contact_month_no') }}
            as months_since_contact,
        {{ if_delivered('collections', 'coalesce(refusals_12m, 0)') }} as refusals_12m,
        {{ if_delivered('collections', 'coalesce(broken_promises_12m, 0)') }}
            as broken_promises_12m,
        {{ if_delivered('transactions', 'coalesce(inflow_3m, 0)', 'double') }}
            as inflow_3m,
        {{ if_delivered('transactions', 'coalesce(outflow_3m, 0)', 'double') }}
            as outflow_3m,
        {{ if_delivered('transactions', 'coalesce(transactions_3m, 0)') }}
            as transactions_3m,
        {{ if_delivered(
            'transactions',
            ratio('coalesce(inflow_3m - outflow_3m, 0)', '3 * income'),
            'double'
        ) }} as net_flow_to_income,
        {{ if_delivered('applications', 'coalesce(applications_12m, 0)') }}
            as applications_12m,
        {{ if_delivered('applications', 'coalesce(rejections_12m, 0)') }}
            as rejected_applications_12m,
        cast(requested_amount as double) as requested_amount,
        cast(principal as double) as principal,
        {{ ratio('approved_limit', 'requested_amount') }} as approved_to_requested,
        {{ days_between('cast(applied_at as date)', 'disbursed_on') }}
            as days_application_to_disbursement,
        channel,
        kind,
        region,
        industry,
        cast(floor((month_no - 1) / 12.0) as integer) - birth_year as age_years,
        {{ remembered(
            'month_no - ' ~ month_number('registered_at'), memory_months()
        ) }} as relationship_months,
        cast(monthly_income as double) as monthly_income,
        cast(other_income as double) as other_income,
        employment_months,
        cast(liquid_assets as double) as liquid_assets,
        cast(fixed_assets as double) as fixed_assets,
        personal_credit_score,
        family_credit_score,
        company_credit_score,
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
        requested_term_days,
        product
    from described

)

select * from feat_borrower_month
