{{ config(materialized='view') }}

with loan_months as (

    select * from {{ ref('int_loan_month') }}

),

lives as (

    select * from {{ ref('int_loan_life') }}

),

instalments as (

    select * from {{ ref('int_instalment') }}

),

rebuild_window as (

    select
        rebuild_from,
        {{ month_number('rebuild_from') }} as from_month_no
    from {{ ref('int_rebuild_window') }}

),

by_month as (

    select
        borrower_no,
        month_no,
        count(*) as loans,
        count(case when is_at_risk then 1 end) as loans_at_risk,
        max(days_past_due) as current_dpd_max,
        max(days_past_due_max) as days_past_due_max,
        max(days_past_due_at_start) as days_past_due_at_start,
        cast(sum(exposure) as decimal(18, 2)) as exposure,
        max(case when is_event then 1 else 0 end) as is_event,
        max(case when is_event_in_first_month then 1 else 0 end)
            as is_event_in_first_month
    from loan_months
    group by borrower_no, month_no

),

-- The largest lateness before the window, from all loans, also those closed by then.
late_before as (

    select
        lives.borrower_no,
        instalments.due_on,
        least(instalments.settled_on, lives.paid_in_full_on) as settled_on,
        least(
            {{ days_after('rebuild_window.rebuild_from', -1) }},
            {{ month_end('lives.last_month_no') }},
            {{ month_end('lives.observed_month_no') }}
        ) as as_of
    from instalments
    inner join lives on instalments.loan_no = lives.loan_no
    cross join rebuild_window
    where
        (instalments.settled_on is null or instalments.settled_on > instalments.due_on)
        and instalments.due_on < rebuild_window.rebuild_from
        and lives.first_month_no < rebuild_window.from_month_no

),

carried as (

    select
        borrower_no,
        max({{ days_past_due_reached('due_on', 'settled_on', 'as_of') }})
            as days_past_due_max
    from late_before
    group by borrower_no

),

-- A charge-off or a fraud is a default nobody cured: it counts on for some months.
uncured as (

    select
        borrower_no,
        {{ month_number('charge_off_on') }} as default_month_no
    from lives
    where charge_off_on is not null
    union all
    select
        borrower_no,
        {{ month_number('fraud_on') }} as default_month_no
    from lives
    where fraud_on is not null

),

uncured_months as (

    select
        borrower_no,
        {{ each_month(
            'default_month_no + 1', 'default_month_no + ' ~ var('default_memory_months')
        ) }} as month_no
    from uncured

),

distinct_uncured as (

    select distinct
        borrower_no,
        month_no
    from uncured_months

),

judged as (

    select
        by_month.*,
        by_month.days_past_due_at_start >= {{ var('event_dpd_days') }}
        or distinct_uncured.borrower_no is not null
            as is_in_default,
        greatest(
            coalesce(carried.days_past_due_max, 0),
            max(by_month.days_past_due_max) over (
                partition by by_month.borrower_no
                order by by_month.month_no
            )
        ) as historical_dpd_max
    from by_month
    left join distinct_uncured
        on
            by_month.borrower_no = distinct_uncured.borrower_no
            and by_month.month_no = distinct_uncured.month_no
    left join carried on by_month.borrower_no = carried.borrower_no

),

int_borrower_month as (

    select
        borrower_no,
        month_no,
        loans,
        loans_at_risk,
        current_dpd_max,
        historical_dpd_max,
        exposure,
        is_in_default,
        loans_at_risk > 0 and not is_in_default as is_at_risk,
        loans_at_risk > 0 and not is_in_default and is_event = 1 as is_event,
        is_event_in_first_month = 1 as is_event_in_first_month
    from judged

)

select * from int_borrower_month
