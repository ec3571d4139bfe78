with request as (

    select * from {{ source('audit', 'overdue_grade_request') }}

),

instalments as (

    select * from {{ ref('int_instalment') }}

),

lives as (

    select * from {{ ref('int_loan_life') }}

),

loans as (

    select * from {{ ref('int_loan') }}

),

schedules as (

    select
        instalments.loan_no,
        max(instalments.due_on) as last_due_on,
        -- On this day of its cycle the loan is first seen closed.
        min(
            case when instalments.due_on >= lives.closed_on then instalments.due_on end
        ) as seen_closed_on
    from instalments
    inner join lives on instalments.loan_no = lives.loan_no
    group by instalments.loan_no

),

due_days as (

    select
        lives.borrower_no,
        instalments.due_on as observed_on
    from instalments
    inner join schedules on instalments.loan_no = schedules.loan_no
    inner join lives on instalments.loan_no = lives.loan_no
    inner join loans on instalments.loan_no = loans.loan_no
    cross join request
    where
        instalments.due_on
        <= least(schedules.seen_closed_on, loans.observed_until, request.as_of)

),

-- Who still owes when the last instalment has fallen due goes on being looked at in the
-- same rhythm.
owing_on as (

    select
        lives.borrower_no,
        lives.closed_on,
        schedules.last_due_on,
        loans.cycle_days,
        {{ is_monthly('loans.cycle_days') }} as is_monthly,
        least(loans.observed_until, request.as_of) as observable_until,
        least(lives.closed_on, loans.observed_until, request.as_of) as ends_on
    from schedules
    inner join lives on schedules.loan_no = lives.loan_no
    inner join loans on schedules.loan_no = loans.loan_no
    cross join request
    where lives.closed_on is null or lives.closed_on > schedules.last_due_on

),

counted as (

    select
        *,
        case
            when is_monthly
                then
                    {{ month_number('ends_on') }}
                    - {{ month_number('last_due_on') }}
                    + 1
            else cast(
                ceil(1e0 * {{ days_between('last_due_on', 'ends_on') }} / cycle_days)
                as integer
            )
        end as cycles
    from owing_on
    where last_due_on < ends_on

),

numbered as (

    select
        *,
        {{ each_month('1', 'cycles') }} as cycle_no
    from counted

),

further_days as (

    select
        borrower_no,
        closed_on,
        observable_until,
        case
            when is_monthly then {{ months_after('last_due_on', 'cycle_no') }}
            else {{ days_after('last_due_on', 'cycle_no * cycle_days') }}
        end as observed_on,
        case
            when is_monthly then {{ months_after('last_due_on', 'cycle_no - 1') }}
            else {{ days_after('last_due_on', '(cycle_no - 1) * cycle_days') }}
        end as day_before
    from numbered

),

int_overdue_cycle_day as (

    select
        borrower_no,
        observed_on
    from due_days
    union all
    select
        borrower_no,
        observed_on
    from further_days
    where
        observed_on <= observable_until
        and (closed_on is null or day_before < closed_on)

)

select * from int_overdue_cycle_day
