{{ config(materialized='view') }}

with instalments as (

    select * from {{ ref('int_instalment') }}

),

lives as (

    select * from {{ ref('int_loan_life') }}

),

rebuild_window as (

    select
        {{ month_number('rebuild_from') }} as from_month_no,
        {{ month_number('horizon') }} as to_month_no
    from {{ ref('int_rebuild_window') }}

),

-- Only what is late, in the months it is late in: the rest has 0 days past due.
late as (

    select
        instalments.loan_no,
        instalments.due_on,
        least(instalments.settled_on, lives.paid_in_full_on) as settled_on,
        greatest(
            {{ month_number('instalments.due_on') }},
            lives.first_month_no,
            rebuild_window.from_month_no
        ) as first_month_no,
        least(
            {{ month_number('instalments.settled_on') }},
            lives.last_month_no,
            lives.observed_month_no,
            rebuild_window.to_month_no
        ) as last_month_no
    from instalments
    inner join lives on instalments.loan_no = lives.loan_no
    cross join rebuild_window
    where
        instalments.settled_on is null or instalments.settled_on > instalments.due_on

),

by_month as (

    select
        loan_no,
        due_on,
        settled_on,
        {{ each_month('first_month_no', 'last_month_no') }} as month_no
    from late
    where first_month_no <= last_month_no

),

with_days as (

    select
        loan_no,
        due_on,
        settled_on,
        month_no,
        {{ days_after(month_start('month_no'), -1) }} as previous_month_end,
        {{ month_end('month_no') }} as month_end
    from by_month

),

int_loan_arrears as (

    select
        loan_no,
        month_no,
        max({{ days_past_due('due_on', 'settled_on', 'month_end') }}) as days_past_due,
        max({{ days_past_due_reached('due_on', 'settled_on', 'month_end') }})
            as days_past_due_max,
        max({{ days_past_due('due_on', 'settled_on', 'previous_month_end') }})
            as days_past_due_at_start
    from with_days
    group by loan_no, month_no

)

select * from int_loan_arrears
