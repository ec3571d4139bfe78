with loans as (

    select * from {{ ref('int_loan') }}

),

loan_events as (

    select * from {{ ref('int_loan_event') }}

),

instalments as (

    select * from {{ ref('int_instalment') }}

),

first_events as (

    select
        loan_no,
        min(case when kind = 'charge_off' then occurred_on end) as charge_off_on,
        min(case when kind = 'paid_in_full' then occurred_on end) as paid_in_full_on,
        min(case when kind = 'fraud' then occurred_on end) as fraud_on
    from loan_events
    group by loan_no

),

schedules as (

    select
        loan_no,
        count(*) as instalments,
        count(*) - count(settled_on) as unsettled,
        max(settled_on) as last_settled_on,
        min({{ event_day('due_on', 'settled_on') }}) as past_due_on
    from instalments
    group by loan_no

),

candidates as (

    select
        loans.loan_no,
        loans.borrower_no,
        loans.principal,
        loans.principal_share,
        loans.disbursed_on,
        loans.first_month_no,
        {{ month_number('loans.observed_until') }} as observed_month_no,
        schedules.past_due_on,
        -- A contradictory day before the disbursement counts as the disbursement's.
        case
            when first_events.charge_off_on is not null
                then greatest(first_events.charge_off_on, loans.disbursed_on)
        end as charge_off_on,
        case
            when first_events.paid_in_full_on is not null
                then greatest(first_events.paid_in_full_on, loans.disbursed_on)
        end as paid_in_full_on,
        case
            when first_events.fraud_on is not null
                then greatest(first_events.fraud_on, loans.disbursed_on)
        end as fraud_on,
        case
            when
                schedules.unsettled = 0
                and schedules.instalments >= loans.instalment_count
                then greatest(schedules.last_settled_on, loans.disbursed_on)
        end as settled_on,
        -- The schedule may be delivered in part, or not at all.
        case
            when coalesce(schedules.unsettled, 0) = 0 and loans.matures_on is not null
                then greatest(
                    loans.matures_on,
                    coalesce(schedules.last_settled_on, loans.matures_on)
                )
        end as matured_on
    from loans
    left join first_events on loans.loan_no = first_events.loan_no
    left join schedules on loans.loan_no = schedules.loan_no

),

closed as (

    select
        *,
        least(charge_off_on, paid_in_full_on, settled_on, matured_on) as closed_on
    from candidates

),

-- What comes after the closing is no part of the loan's life.
while_open as (

    select
        loan_no,
        borrower_no,
        principal,
        principal_share,
        disbursed_on,
        first_month_no,
        observed_month_no,
        closed_on,
        case
            when closed_on = charge_off_on then 'charge_off'
            when closed_on = paid_in_full_on then 'paid_in_full'
            when closed_on = settled_on then 'settled'
            when closed_on = matured_on then 'matured'
        end as exit_reason,
        case when charge_off_on = closed_on then charge_off_on end as charge_off_on,
        case when paid_in_full_on = closed_on then paid_in_full_on end as paid_in_full_on,
        case
            when fraud_on <= closed_on or closed_on is null then fraud_on
        end as fraud_on,
        case
            when
                past_due_on is not null
                and (past_due_on <= closed_on or closed_on is null)
                then greatest(past_due_on, disbursed_on)
        end as past_due_on
    from closed

),

with_first_event as (

    select
        *,
        least(charge_off_on, fraud_on, past_due_on) as first_event_on
    from while_open

),

with_event as (

    select
        *,
        -- Later nobody looked: what is missing there is no default.
        case
            when
                observed_month_no is null
                or {{ month_number('first_event_on') }} <= observed_month_no
                then first_event_on
        end as event_on
    from with_first_event

),

int_loan_life as (

    select
        loan_no,
        borrower_no,
        principal,
        principal_share,
        disbursed_on,
        first_month_no,
        observed_month_no,
        closed_on,
        exit_reason,
        {{ month_number('closed_on') }} as last_month_no,
        charge_off_on,
        paid_in_full_on,
        fraud_on,
        event_on,
        case
            when event_on = fraud_on then 'fraud'
            when event_on = charge_off_on then 'charge_off'
            when event_on = past_due_on then 'days_past_due'
        end as event_kind,
        {{ month_number('event_on') }} as event_month_no
    from with_event

)

select * from int_loan_life
