with persons as (

    select * from {{ ref('int_decision_person') }}

),

loans as (

    select * from {{ ref('feat_loan_outcome') }}

),

instalments as (

    select * from {{ ref('int_instalment') }}

),

deliveries as (

    select * from {{ ref('feat_loan_delivery') }}

),

payments as (

    select * from {{ ref('int_repayment') }}

),

restructurings as (

    select * from {{ ref('int_loan_event') }}
    where kind = 'restructured' and amount is not null

),

limits as (

    select * from {{ ref('feat_limit_delivery') }}

),

-- Everything as it stood the day before: of what happens on the day itself nobody knows
-- whether it came before the application.
earlier_loans as (

    select
        persons.application_key,
        persons.applied_on,
        loans.loan_no,
        terms.principal,
        terms.principal_share,
        loans.disbursed_on,
        case when loans.closed_on < persons.applied_on then loans.closed_on end
            as closed_on,
        loans.event_on < persons.applied_on as has_event,
        coalesce(
            {{ days_between('loans.event_on', 'persons.applied_on') }}
            between 1 and {{ memory_days() }},
            false
        ) as has_recent_event,
        {{ days_between('terms.ends_on', 'loans.closed_on') }} as days_over_term
    from persons
    inner join loans
        on
            persons.known_as = loans.borrower_key
            and persons.applied_on > loans.disbursed_on
    inner join deliveries as terms
        on
            loans.loan_no = terms.loan_no
            and {{ is_known_on('terms', 'persons.applied_on') }}
    where
        loans.application_key is null
        or loans.application_key <> persons.application_key

),

open_loans as (

    select
        application_key,
        applied_on,
        loan_no,
        principal,
        principal_share
    from earlier_loans
    where closed_on is null

),

-- A restructuring says what was owed on its day; else it is what was lent.
restructured as (

    select
        open_loans.application_key,
        open_loans.loan_no,
        max(restructurings.occurred_on) as occurred_on,
        max_by(restructurings.amount, restructurings.occurred_on) as amount
    from open_loans
    inner join restructurings
        on
            open_loans.loan_no = restructurings.loan_no
            and open_loans.applied_on > restructurings.occurred_on
    group by open_loans.application_key, open_loans.loan_no

),

started as (

    select
        open_loans.application_key,
        open_loans.applied_on,
        open_loans.loan_no,
        open_loans.principal_share,
        restructured.occurred_on,
        coalesce(restructured.amount, open_loans.principal) as owed_at_start
    from open_loans
    left join restructured
        on
            open_loans.application_key = restructured.application_key
            and open_loans.loan_no = restructured.loan_no

),

paid_since as (

    select
        started.application_key,
        started.loan_no,
        sum(payments.paid_amount) as paid_amount
    from started
    inner join payments
        on
            started.loan_no = payments.loan_no
            and started.applied_on > payments.paid_on
            and (
                started.occurred_on is null
                or started.occurred_on < payments.paid_on
            )
    group by started.application_key, started.loan_no

),

-- What is still owed, as the marts count exposure.
owed as (

    select
        started.application_key,
        sum(
            {{ outstanding_principal(
                'started.owed_at_start',
                '0',
                'started.principal_share',
                'coalesce(paid_since.paid_amount, 0)'
            ) }}
        ) as open_principal
    from started
    left join paid_since
        on
            started.application_key = paid_since.application_key
            and started.loan_no = paid_since.loan_no
    group by started.application_key

),

by_loan as (

    select
        application_key,
        count(*) as loans_before,
        count(case when closed_on is null then 1 end) as open_loans,
        count(
            case when closed_on is not null and not coalesce(has_event, false) then 1 end
        ) as repaid_loans,
        count(case when has_recent_event then 1 end) as events_12m,
        max(
            case
                when closed_on is not null and not coalesce(has_event, false)
                    then principal
            end
        ) as largest_repaid,
        max_by(principal, disbursed_on) as last_principal,
        max(disbursed_on) as last_disbursed_on,
        max(case when closed_on is not null then days_over_term end)
            as most_days_over_term,
        max_by(
            case when closed_on is not null then days_over_term end, closed_on
        ) as last_days_over_term
    from earlier_loans
    group by application_key

),

-- Days past due reached by the day before, of what fell due within the year before.
earlier_instalments as (

    select
        loans.application_key,
        {{ days_past_due_reached(
            'instalments.due_on',
            'least(instalments.settled_on, loans.closed_on)',
            days_after('loans.applied_on', -1)
        ) }} as days_past_due,
        case
            when
                loans.closed_on is null
                and coalesce(instalments.settled_on >= loans.applied_on, true)
                then {{ days_between('instalments.due_on', 'loans.applied_on') }}
            else 0
        end as days_overdue_now
    from earlier_loans as loans
    inner join instalments on loans.loan_no = instalments.loan_no
    where
        instalments.due_on < loans.applied_on
        and {{ days_between('instalments.due_on', 'loans.applied_on') }}
        <= {{ memory_days() }}

),

by_instalment as (

    select
        application_key,
        count(*) as instalments_12m,
        {{ ratio('count(case when days_past_due > 0 then 1 end)', 'count(*)') }}
            as late_share_12m,
        max(days_past_due) as worst_dpd_12m,
        max(days_overdue_now) as overdue_days_now
    from earlier_instalments
    group by application_key

),

earlier_limits as (

    select
        persons.application_key,
        max_by(limits.credit_limit, limits.effective_on) as credit_limit
    from persons
    inner join limits
        on
            persons.known_as = limits.borrower_key
            and persons.applied_on > limits.effective_on
            and {{ is_known_on('limits', 'persons.applied_on') }}
    group by persons.application_key

),

applications as (

    select
        application_key,
        applied_on,
        max(case when known_as <> borrower_key then known_as end) as former_borrower_key
    from persons
    group by application_key, applied_on

),

int_decision_history as (

    select
        applications.application_key,
        applications.former_borrower_key,
        coalesce(by_loan.loans_before, 0) as loans_before,
        coalesce(by_loan.open_loans, 0) as open_loans,
        coalesce(by_loan.repaid_loans, 0) as repaid_loans,
        coalesce(by_loan.events_12m, 0) as events_12m,
        by_loan.largest_repaid,
        by_loan.last_principal,
        coalesce(owed.open_principal, 0) as open_principal,
        {{ days_between('by_loan.last_disbursed_on', 'applications.applied_on') }}
            as days_since_last_loan,
        by_loan.most_days_over_term,
        by_loan.last_days_over_term,
        by_instalment.instalments_12m,
        by_instalment.late_share_12m,
        by_instalment.worst_dpd_12m,
        by_instalment.overdue_days_now,
        earlier_limits.credit_limit
    from applications
    left join by_loan on applications.application_key = by_loan.application_key
    left join owed on applications.application_key = owed.application_key
    left join by_instalment
        on applications.application_key = by_instalment.application_key
    left join earlier_limits
        on applications.application_key = earlier_limits.application_key

)

select * from int_decision_history
