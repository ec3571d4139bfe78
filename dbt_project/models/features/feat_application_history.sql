with applications as (

    select
        application_key,
        borrower_key,
        cast(applied_at as date) as applied_on
    from {{ ref('fct_application') }}

),

loans as (

    select
        outcomes.*,
        places.loan_place
    from {{ ref('feat_loan_outcome') }} as outcomes
    inner join {{ ref('feat_loan_place') }} as places
        on outcomes.loan_no = places.loan_no

),

deliveries as (

    select * from {{ ref('feat_loan_delivery') }}

),

instalments as (

    select * from {{ ref('int_instalment') }}

),

-- Everything as it stood the day before: of what happens on the day itself nobody knows
-- whether it came before the application. A loan ended later counts as running still, one
-- ended too long ago is forgotten: what grows with the history grows with the calendar.
earlier_loans as (

    select
        applications.application_key,
        applications.applied_on,
        loans.loan_no,
        loans.loan_place,
        terms.principal,
        loans.disbursed_on,
        terms.ends_on,
        case when loans.closed_on < applications.applied_on then loans.closed_on end
            as closed_on,
        coalesce(
            {{ days_between('loans.event_on', 'applications.applied_on') }}
            between 1 and {{ memory_days() }},
            false
        ) as has_event,
        case
            when loans.closed_on < applications.applied_on then loans.closed_on
            else {{ days_after('applications.applied_on', -1) }}
        end as ran_until
    from applications
    inner join loans
        on
            applications.borrower_key = loans.borrower_key
            and applications.applied_on > loans.disbursed_on
            and (
                loans.closed_on is null
                or {{ days_between('loans.closed_on', 'applications.applied_on') }}
                <= {{ memory_days() }}
            )
    inner join deliveries as terms
        on
            loans.loan_no = terms.loan_no
            and {{ is_known_on('terms', 'applications.applied_on') }}
    where
        loans.application_key is null
        or loans.application_key <> applications.application_key

),

with_days as (

    select
        *,
        {{ days_between('ends_on', 'ran_until') }} as days_over_term,
        {{ ratio(
            days_between('disbursed_on', 'ran_until'),
            days_between('disbursed_on', 'ends_on')
        ) }} as run_share,
        {{ days_between('disbursed_on', 'applied_on') }} as days_ago
    from earlier_loans

),

by_loan as (

    select
        application_key,
        count(*) as loans_12m,
        count(case when closed_on is null then 1 end) as open_loans,
        count(closed_on) as closed_loans,
        count(case when days_ago <= 90 then 1 end) as loans_90d,
        count(case when has_event then 1 end) as events_12m,
        count(case when closed_on is not null and days_over_term > 0 then 1 end)
            as closed_late,
        avg(case when closed_on is not null then days_over_term end)
            as mean_days_over_term,
        max(days_over_term) as max_days_over_term,
        max_by(days_over_term, loan_place) as last_days_over_term,
        {{ repeatable('avg(case when closed_on is not null then run_share end)') }}
            as mean_run_share,
        min(case when closed_on is not null then run_share end) as min_run_share,
        max_by(run_share, loan_place) as last_run_share,
        max(closed_on) as last_closed_on,
        {{ ratio(
            days_between(
                'min(case when days_ago <= ' ~ memory_days() ~ ' then disbursed_on end)',
                'max(disbursed_on)'
            ),
            'count(case when days_ago <= ' ~ memory_days() ~ ' then 1 end) - 1'
        ) }} as mean_days_between_loans,
        max(disbursed_on) as last_disbursed_on,
        sum(case when closed_on is null then principal end) as open_principal,
        max(principal) as largest_principal,
        cast(avg(principal) as double) as mean_principal,
        max_by(principal, loan_place) as last_principal,
        min_by(principal, loan_place) as first_principal
    from with_days
    group by application_key

),

-- Of an instalment: days past due reached by the day before, and days from the due day to
-- the payment, negative when early.
earlier_instalments as (

    select
        loans.application_key,
        loans.loan_place,
        instalments.instalment_no,
        instalments.due_on < loans.applied_on as is_due,
        coalesce(
            instalments.due_on < loans.applied_on
            and instalments.due_on <= loans.ran_until
            and (
                instalments.settled_on is null
                or instalments.settled_on > instalments.due_on
            ),
            false
        ) as is_late,
        {{ days_past_due_reached(
            'instalments.due_on',
            'least(instalments.settled_on, loans.closed_on)',
            days_after('loans.applied_on', -1)
        ) }} as days_past_due,
        case
            when instalments.settled_on < loans.applied_on
                then {{ days_between('instalments.due_on', 'instalments.settled_on') }}
        end as days_late,
        {{ days_between('instalments.due_on', 'loans.applied_on') }} as days_ago,
        cast(loans.loan_place as bigint) * 10000 + instalments.instalment_no as place
    from earlier_loans as loans
    inner join instalments on loans.loan_no = instalments.loan_no
    where
        (
            instalments.due_on < loans.applied_on
            or instalments.settled_on < loans.applied_on
        )
        and (
            {{ days_between('instalments.due_on', 'loans.applied_on') }}
            <= {{ memory_days() }}
            or {{ days_between(
                'coalesce(instalments.settled_on, loans.ran_until)', 'loans.applied_on'
            ) }} <= {{ memory_days() }}
        )

),

weighted as (

    select
        *,
        -- An instalment of three months ago weighs half as much as one of today.
        power(0.5, greatest(0, days_ago) / 90.0) as weight
    from earlier_instalments

),

by_instalment as (

    select
        application_key,
        count(*) as instalments_12m,
        {{ ratio(
            'count(case when is_late then 1 end)', 'count(case when is_due then 1 end)'
        ) }} as late_instalment_share,
        {{ repeatable('sum(case when is_late then weight else 0 end) / sum(weight)') }}
            as late_instalment_share_recent,
        max(days_past_due) as worst_dpd_12m,
        avg(days_late) as mean_days_late,
        {{ repeatable('stddev_pop(days_late)') }} as spread_days_late,
        min(days_late) as min_days_late,
        max_by(coalesce(days_late, days_past_due), place) as last_days_late,
        max_by(
            case when instalment_no = 1 then coalesce(days_late, days_past_due) end,
            case when instalment_no = 1 then place end
        ) as last_first_days_late,
        avg(
            case when instalment_no = 1 then coalesce(days_late, days_past_due) end
        ) as mean_first_days_late
    from weighted
    group by application_key

),

feat_application_history as (

    select
        by_loan.*,
        by_instalment.instalments_12m,
        by_instalment.late_instalment_share,
        by_instalment.late_instalment_share_recent,
        by_instalment.worst_dpd_12m,
        by_instalment.mean_days_late,
        by_instalment.spread_days_late,
        by_instalment.min_days_late,
        by_instalment.last_days_late,
        by_instalment.last_first_days_late,
        by_instalment.mean_first_days_late
    from by_loan
    left join by_instalment on by_loan.application_key = by_instalment.application_key

)

select * from feat_application_history
