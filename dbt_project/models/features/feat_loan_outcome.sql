with loans as (

    select * from {{ ref('int_loan') }}

),

lives as (

    select * from {{ ref('int_loan_life') }}

),

instalments as (

    select * from {{ ref('int_instalment') }}

),

rebuild_window as (

    select {{ month_end(month_number('horizon')) }} as known_until
    from {{ ref('int_rebuild_window') }}

),

schedules as (

    select
        loan_no,
        max(due_on) as last_due_on,
        min(
            {{ event_day('due_on', 'settled_on', var('performance_dpd_days')) }}
        ) as past_due_on
    from instalments
    group by loan_no

),

judged as (

    select
        loans.loan_no,
        loans.borrower_key,
        loans.application_key,
        loans.principal,
        loans.disbursed_on,
        loans.reported_outcome,
        lives.closed_on,
        lives.event_on,
        rebuild_window.known_until,
        {{ agreed_end(
            'loans.matures_on',
            'schedules.last_due_on',
            'loans.disbursed_on',
            'loans.cycle_days'
        ) }} as ends_on,
        {{ months_after('loans.disbursed_on', var('performance_months')) }}
            as performance_until,
        loans.observed_until is null as is_observed,
        least(
            lives.charge_off_on,
            lives.fraud_on,
            case
                when
                    schedules.past_due_on is not null
                    and (
                        schedules.past_due_on <= lives.closed_on
                        or lives.closed_on is null
                    )
                    then greatest(schedules.past_due_on, loans.disbursed_on)
            end
        ) as bad_on
    from loans
    inner join lives on loans.loan_no = lives.loan_no
    left join schedules on loans.loan_no = schedules.loan_no
    cross join rebuild_window

),

told as (

    select
        *,
        case
            when
                '{{ var('outcome_told_by') }}' = 'reported'
                and reported_outcome is not null
                then 'reported'
            when is_observed then 'performance'
        end as outcome_source
    from judged

),

-- Good and bad alike count from the same age on: bad loans that are let in earlier than
-- good ones of their age would make the young look worse, good ones that end early
-- better.
of_same_age as (

    select
        *,
        case outcome_source
            when 'reported'
                then greatest(
                    coalesce(
                        closed_on,
                        {{ days_after('ends_on', var('performance_dpd_days')) }}
                    ),
                    coalesce(
                        {{ days_after('ends_on', var('performance_dpd_days')) }},
                        closed_on
                    )
                )
            when 'performance' then performance_until
        end as known_at_age
    from told

),

-- The words of files that came all at once had been said by the end of their last month,
-- ahead of the agreed end too. Which months have been built changes nothing of that.
dated as (

    select
        *,
        {% if var('last_month') -%}
            case
                when outcome_source = 'reported'
                    then least(
                        known_at_age,
                        greatest(
                            {{ month_end(month_number(
                                "cast('" ~ var('last_month') ~ "' as date)"
                            )) }},
                            disbursed_on
                        )
                    )
                else known_at_age
            end
        {%- else -%}
            known_at_age
        {%- endif %} as outcome_known_on
    from of_same_age

),

judged_by_now as (

    select
        *,
        coalesce(outcome_known_on <= known_until, false) as is_mature
    from dated

),

feat_loan_outcome as (

    select
        loan_no,
        borrower_key,
        application_key,
        principal,
        disbursed_on,
        ends_on,
        closed_on,
        event_on,
        outcome_source,
        outcome_known_on,
        is_mature,
        case
            when is_mature and outcome_source = 'reported' then reported_outcome = 'bad'
            when is_mature and outcome_source = 'performance'
                then coalesce(bad_on <= performance_until, false)
        end as is_bad
    from judged_by_now

)

select * from feat_loan_outcome
