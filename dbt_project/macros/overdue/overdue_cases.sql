{#- Days of the past a case of an overdue borrower looks back on. -#}
{% macro overdue_memory_days() %}{{ return(365) }}{% endmacro %}

{#- Last day of what has been built: nothing later is known. -#}
{% macro overdue_horizon() -%}
    {{ month_end(month_number('horizon')) }}
{%- endmacro %}

{#- SQL: the cases of overdue borrowers, as they could be known at the end of a day, and
what became of them so many days later.

`points` is a relation of borrower_key and as_of. A point whose borrower owes nothing past
due on that day gives no row. Two models share this: month ends, and the one borrower and
day somebody asks for. -#}
{% macro overdue_cases(points) %}
with points as (

    select
        borrower_key,
        as_of,
        {{ days_after('as_of', -overdue_memory_days()) }} as remembered_from,
        {{ days_after('as_of', var('overdue_target_days')) }} as outcome_known_on
    from {{ points }}

),

rebuild_window as (

    select {{ overdue_horizon() }} as known_until
    from {{ ref('int_rebuild_window') }}

),

loans as (

    select
        points.borrower_key,
        points.as_of,
        points.remembered_from,
        points.outcome_known_on,
        loans.loan_no,
        loans.principal,
        loans.disbursed_on,
        loans.observed_until,
        lives.exit_reason,
        lives.closed_on,
        case
            when loans.observed_until is null or loans.observed_until >= points.as_of
                then coalesce(lives.closed_on > points.as_of, true)
            else false
        end as is_open
    from points
    inner join {{ ref('int_loan') }} as loans
        on points.borrower_key = loans.borrower_key
    inner join {{ ref('int_loan_life') }} as lives on loans.loan_no = lives.loan_no
    where loans.disbursed_on <= points.as_of

),

open_loans as (

    select
        borrower_key,
        as_of,
        count(*) as open_loans,
        sum(principal) as open_principal,
        max({{ days_between('disbursed_on', 'as_of') }}) as days_on_book
    from loans
    where is_open
    group by borrower_key, as_of

),

-- What falls due after a loan has ended is owed by nobody.
instalments as (

    select
        loans.borrower_key,
        loans.as_of,
        loans.remembered_from,
        loans.outcome_known_on,
        loans.loan_no,
        loans.observed_until,
        loans.exit_reason,
        loans.closed_on,
        loans.is_open,
        instalments.instalment_no,
        instalments.due_on,
        instalments.due_amount,
        instalments.settled_on,
        coalesce(
            least(instalments.settled_on, loans.closed_on) > instalments.due_on, true
        ) as is_late,
        loans.is_open
        and instalments.due_on < loans.as_of
        and coalesce(instalments.settled_on > loans.as_of, true) as is_overdue
    from loans
    inner join {{ ref('int_instalment') }} as instalments
        on loans.loan_no = instalments.loan_no
    where
        instalments.due_on < loans.as_of
        and (instalments.due_on <= loans.closed_on or loans.closed_on is null)

),

overdue_instalments as (

    select * from instalments
    where is_overdue

),

-- What had come in on what is overdue, and what came in after it.
payments as (

    select
        overdue.borrower_key,
        overdue.as_of,
        overdue.loan_no,
        overdue.instalment_no,
        sum(case when repayments.paid_on <= overdue.as_of then repayments.paid_amount end)
            as paid_before,
        sum(
            case
                when
                    repayments.paid_on > overdue.as_of
                    and repayments.paid_on <= overdue.outcome_known_on
                    then repayments.paid_amount
            end
        ) as paid_after
    from overdue_instalments as overdue
    inner join {{ ref('int_repayment') }} as repayments
        on
            overdue.loan_no = repayments.loan_no
            and overdue.instalment_no = repayments.instalment_no
    where repayments.paid_on is not null
    group by
        overdue.borrower_key, overdue.as_of, overdue.loan_no, overdue.instalment_no

),

owed as (

    select
        overdue.*,
        overdue.due_amount - coalesce(payments.paid_before, 0) as owed_amount,
        coalesce(payments.paid_before, 0) as paid_before,
        -- A loan that is paid in full has no arrears left, whatever its schedule says.
        case
            when
                overdue.exit_reason = 'paid_in_full'
                and overdue.closed_on <= overdue.outcome_known_on
                then overdue.due_amount - coalesce(payments.paid_before, 0)
            else least(
                coalesce(payments.paid_after, 0),
                overdue.due_amount - coalesce(payments.paid_before, 0)
            )
        end as repaid_amount
    from overdue_instalments as overdue
    left join payments
        on
            overdue.borrower_key = payments.borrower_key
            and overdue.as_of = payments.as_of
            and overdue.loan_no = payments.loan_no
            and overdue.instalment_no = payments.instalment_no

),

arrears as (

    select
        borrower_key,
        as_of,
        outcome_known_on,
        min(observed_until) as observed_until,
        cast(sum(owed_amount) as decimal(18, 2)) as overdue_amount,
        cast(sum(repaid_amount) as decimal(18, 2)) as repaid_amount,
        sum(paid_before) as paid_before,
        max({{ days_between('due_on', 'as_of') }}) as days_overdue,
        max(due_amount) as instalment,
        count(*) as overdue_instalments,
        count(distinct loan_no) as overdue_loans
    from owed
    group by borrower_key, as_of, outcome_known_on
    having sum(owed_amount) > 0

),

history as (

    select
        borrower_key,
        as_of,
        count(*) as instalments_12m,
        count(case when is_late then 1 end) as late_instalments_12m,
        count(case when is_late and settled_on <= as_of then 1 end) as caught_up_12m,
        max(
            case
                when is_late and settled_on <= as_of
                    then {{ days_between('due_on', 'settled_on') }}
            end
        ) as worst_days_caught_up_12m
    from instalments
    where due_on > remembered_from
    group by borrower_key, as_of

),

contacts as (

    select
        points.borrower_key,
        points.as_of,
        count(
            case
                when contacts.contacted_on > {{ days_after('points.as_of', -30) }} then 1
            end
        ) as contacts_30d,
        count(*) as contacts_12m,
        count(case when contacts.outcome = 'refused' then 1 end) as refusals_12m,
        count(case when contacts.outcome = 'paid' then 1 end) as payments_on_contact_12m,
        count(case when contacts.outcome = 'no_answer' then 1 end) as unanswered_12m,
        max(contacts.contacted_on) as last_contact_on,
        count(
            case when contacts.promised_on >= points.as_of then 1 end
        ) as open_promises
    from points
    inner join (
        select
            borrower_key,
            outcome,
            promised_on,
            cast(contacted_at as date) as contacted_on
        from {{ ref('fct_collection') }}
    ) as contacts on points.borrower_key = contacts.borrower_key
    where
        contacts.contacted_on <= points.as_of
        and contacts.contacted_on > points.remembered_from
    group by points.borrower_key, points.as_of

),

promises as (

    select
        points.borrower_key,
        points.as_of,
        count(case when promises.is_broken then 1 end) as broken_promises_12m,
        count(case when not promises.is_broken then 1 end) as kept_promises_12m
    from points
    inner join {{ ref('feat_promise') }} as promises
        on points.borrower_key = promises.borrower_key
    where
        promises.promised_on < points.as_of
        and promises.promised_on > points.remembered_from
    group by points.borrower_key, points.as_of

),

described as (

    select
        arrears.*,
        open_loans.open_loans,
        open_loans.open_principal,
        open_loans.days_on_book,
        history.instalments_12m,
        history.late_instalments_12m,
        history.caught_up_12m,
        history.worst_days_caught_up_12m,
        contacts.contacts_30d,
        contacts.contacts_12m,
        contacts.refusals_12m,
        contacts.payments_on_contact_12m,
        contacts.unanswered_12m,
        contacts.last_contact_on,
        contacts.open_promises,
        promises.broken_promises_12m,
        promises.kept_promises_12m,
        borrowers.kind,
        borrowers.region,
        borrowers.industry,
        borrowers.birth_year,
        borrowers.employment_months,
        borrowers.liquid_assets,
        borrowers.fixed_assets,
        borrowers.personal_credit_score,
        borrowers.family_credit_score,
        borrowers.company_credit_score,
        rebuild_window.known_until,
        borrowers.monthly_income + coalesce(borrowers.other_income, 0) as income
    from arrears
    cross join rebuild_window
    inner join open_loans
        on
            arrears.borrower_key = open_loans.borrower_key
            and arrears.as_of = open_loans.as_of
    inner join {{ ref('feat_borrower_delivery') }} as borrowers
        on
            arrears.borrower_key = borrowers.borrower_key
            and borrowers.landed_on <= arrears.as_of
            and borrowers.superseded_on > arrears.as_of
    left join history
        on
            arrears.borrower_key = history.borrower_key
            and arrears.as_of = history.as_of
    left join contacts
        on
            arrears.borrower_key = contacts.borrower_key
            and arrears.as_of = contacts.as_of
    left join promises
        on
            arrears.borrower_key = promises.borrower_key
            and arrears.as_of = promises.as_of

),

overdue_cases as (

    select
        borrower_key,
        as_of,
        overdue_amount,
        days_overdue,
        cast(overdue_instalments as integer) as overdue_instalments,
        cast(overdue_loans as integer) as overdue_loans,
        {{ ratio('overdue_amount', 'income') }} as overdue_to_income,
        {{ ratio('overdue_amount', 'open_principal') }} as overdue_to_principal,
        {{ ratio('liquid_assets', 'overdue_amount') }} as liquid_to_overdue,
        {{ ratio('fixed_assets', 'overdue_amount') }} as fixed_to_overdue,
        {{ ratio('liquid_assets', 'instalment') }} as liquid_to_instalment,
        {{ ratio('paid_before', 'paid_before + overdue_amount') }} as part_paid_share,
        cast(open_loans as integer) as open_loans,
        cast(open_principal as double) as open_principal,
        {{ remembered('days_on_book', overdue_memory_days()) }} as days_on_book,
        {{ ratio('late_instalments_12m', 'instalments_12m') }} as late_share_12m,
        cast(late_instalments_12m as integer) as late_instalments_12m,
        cast(caught_up_12m as integer) as caught_up_12m,
        cast(worst_days_caught_up_12m as integer) as worst_days_caught_up_12m,
        {{ if_delivered('collections', 'coalesce(contacts_30d, 0)') }} as contacts_30d,
        {{ if_delivered('collections', 'coalesce(contacts_12m, 0)') }} as contacts_12m,
        {{ if_delivered('collections', days_between('last_contact_on', 'as_of')) }}
            as days_since_contact,
        {{ if_delivered('collections', 'coalesce(refusals_12m, 0)') }} as refusals_12m,
        {{ if_delivered('collections', 'coalesce(unanswered_12m, 0)') }}
            as unanswered_12m,
        {{ if_delivered('collections', 'coalesce(payments_on_contact_12m, 0)') }}
            as payments_on_contact_12m,
        {{ if_delivered('collections', 'coalesce(open_promises, 0)') }} as open_promises,
        {{ if_delivered('collections', 'coalesce(kept_promises_12m, 0)') }}
            as kept_promises_12m,
        {{ if_delivered('collections', 'coalesce(broken_promises_12m, 0)') }}
            as broken_promises_12m,
        kind,
        region,
        industry,
        year(as_of) - birth_year as age_years,
        cast(income as double) as income,
        employment_months,
        cast(liquid_assets as double) as liquid_assets,
        cast(fixed_assets as double) as fixed_assets,
        personal_credit_score,
        family_credit_score,
        company_credit_score,
        outcome_known_on,
        case
            when
                outcome_known_on <= known_until
                and coalesce(outcome_known_on <= observed_until, true)
                then repaid_amount
        end as repaid_amount,
        case
            when
                outcome_known_on <= known_until
                and coalesce(outcome_known_on <= observed_until, true)
                then {{ is_repaid('repaid_amount', 'overdue_amount') }}
        end as is_repaid
    from described

)

select * from overdue_cases
{% endmacro %}

{#- Whether enough of what was overdue came in: at least the share of the settings. -#}
{% macro is_repaid(repaid_amount, overdue_amount) -%}
    {{ repaid_amount }} >= {{ var('overdue_target_share') }} * {{ overdue_amount }}
{%- endmacro %}
