with request as (

    select * from {{ source('audit', 'overdue_grade_request') }}

),

grades as (

    select * from {{ ref('overdue_grade') }}

),

bands as (

    select * from {{ ref('overdue_grade_bands') }}

),

last_points as (

    select
        borrower_key,
        month,
        max(point_no) as point_no
    from grades
    group by borrower_key, month

),

at_month_end as (

    select
        grades.borrower_key,
        grades.grade,
        {{ month_number('grades.month') }} as month_no
    from grades
    inner join last_points
        on
            grades.borrower_key = last_points.borrower_key
            and grades.point_no = last_points.point_no

),

followed as (

    select
        month_no,
        grade as to_grade,
        lag(grade) over by_month as from_grade,
        month_no - lag(month_no) over by_month as months_since
    from at_month_end
    window by_month as (
        partition by borrower_key
        order by month_no
    )

),

-- Who was not looked at for longer than the window comes back as nobody known.
moved as (

    select
        followed.month_no,
        followed.from_grade,
        followed.to_grade,
        count(*) as borrowers
    from followed
    cross join request
    where followed.months_since <= request.window_months
    group by followed.month_no, followed.from_grade, followed.to_grade

),

left_from as (

    select
        month_no,
        from_grade,
        sum(borrowers) as borrowers_from
    from moved
    group by month_no, from_grade

),

-- Where nobody moved to is said with a count of 0, and how sure that is.
every_move as (

    select
        left_from.month_no,
        left_from.from_grade,
        bands.grade as to_grade,
        left_from.borrowers_from,
        coalesce(moved.borrowers, 0) as borrowers
    from left_from
    cross join bands
    left join moved
        on
            left_from.month_no = moved.month_no
            and left_from.from_grade = moved.from_grade
            and bands.grade = moved.to_grade

),

overdue_grade_transition as (

    select
        {{ month_start('every_move.month_no') }} as month,
        every_move.from_grade,
        every_move.to_grade,
        cast(every_move.borrowers as bigint) as borrowers,
        cast(every_move.borrowers_from as bigint) as borrowers_from,
        {{ ratio('every_move.borrowers', 'every_move.borrowers_from') }} as share,
        {{ wilson('every_move.borrowers', 'every_move.borrowers_from', '-') }}
            as share_low,
        {{ wilson('every_move.borrowers', 'every_move.borrowers_from', '+') }}
            as share_high,
        request.run_id
    from every_move
    cross join request

)

select * from overdue_grade_transition
