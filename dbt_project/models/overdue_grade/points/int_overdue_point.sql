with request as (

    select * from {{ source('audit', 'overdue_grade_request') }}

),

cycle_days as (

    select * from {{ ref('int_overdue_cycle_day') }}

),

borrowers as (

    select * from {{ ref('int_overdue_borrower') }}

),

lives as (

    select * from {{ ref('int_loan_life') }}

),

lateness as (

    select * from {{ ref('int_overdue_lateness') }}

),

new_days as (

    select distinct
        cycle_days.borrower_no,
        cycle_days.observed_on
    from cycle_days
    inner join borrowers on cycle_days.borrower_no = borrowers.borrower_no
    where
        borrowers.graded_until is null
        or cycle_days.observed_on > borrowers.graded_until

),

running as (

    select
        new_days.borrower_no,
        new_days.observed_on,
        count(lives.loan_no) as loans
    from new_days
    left join lives
        on
            new_days.borrower_no = lives.borrower_no
            and new_days.observed_on >= lives.disbursed_on
            and (lives.closed_on is null or new_days.observed_on <= lives.closed_on)
    group by new_days.borrower_no, new_days.observed_on

),

-- Month by month, so that a point meets only what is late in its own.
late_months as (

    select
        lateness.borrower_no,
        lateness.due_on,
        lateness.late_until,
        {{ each_month(
            month_number('lateness.due_on'),
            month_number('coalesce(lateness.late_until, request.as_of)')
        ) }} as month_no
    from lateness
    cross join request

),

current_extremes as (

    select
        new_days.borrower_no,
        new_days.observed_on,
        max({{ days_past_due(
            'late_months.due_on', 'late_months.late_until', 'new_days.observed_on'
        ) }}) as current_extreme
    from new_days
    inner join late_months
        on
            new_days.borrower_no = late_months.borrower_no
            and {{ month_number('new_days.observed_on') }} = late_months.month_no
    group by new_days.borrower_no, new_days.observed_on

),

int_overdue_point as (

    select
        running.borrower_no,
        running.observed_on,
        row_number() over (
            partition by running.borrower_no
            order by running.observed_on
        ) as new_point_no,
        cast(running.loans as integer) as loans,
        cast(coalesce(current_extremes.current_extreme, 0) as integer)
            as current_extreme
    from running
    left join current_extremes
        on
            running.borrower_no = current_extremes.borrower_no
            and running.observed_on = current_extremes.observed_on

)

select * from int_overdue_point
