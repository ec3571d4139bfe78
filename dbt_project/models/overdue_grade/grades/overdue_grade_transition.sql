with request as (

    select * from {{ source('audit', 'overdue_grade_request') }}

),

grades as (

    select * from {{ ref('overdue_grade') }}

),

bands as (

    select * from {{ ref('overdue_grade_bands') }}

),

borrowers as (

    select * from {{ ref('int_overdue_borrower') }}

),

-- Integers instead of keys and letters: a month's last point and its grade in one number.
numbered_bands as (

    select
        grade,
        row_number() over (
            order by composite_from_days
        ) as grade_no,
        count(*) over () + 1 as base
    from bands

),

at_month_end as (

    select
        borrowers.borrower_no,
        {{ month_number('grades.month') }} as month_no,
        max(
            cast(grades.point_no as bigint) * numbered_bands.base
            + numbered_bands.grade_no
        ) as last_point
    from grades
    inner join borrowers on grades.borrower_key = borrowers.borrower_key
    inner join numbered_bands on grades.grade = numbered_bands.grade
    group by borrowers.borrower_no, {{ month_number('grades.month') }}

),

followed as (

    select
        month_no,
        last_point,
        lag(last_point) over by_month as last_point_before,
        month_no - lag(month_no) over by_month as months_since
    from at_month_end
    window by_month as (
        partition by borrower_no
        order by month_no
    )

),

-- Who was not looked at for longer than the window comes back as nobody known.
moved as (

    select
        followed.month_no,
        bands_before.grade as from_grade,
        bands_after.grade as to_grade,
        count(*) as borrowers
    from followed
    cross join request
    inner join numbered_bands as bands_before
        on followed.last_point_before % bands_before.base = bands_before.grade_no
    inner join numbered_bands as bands_after
        on followed.last_point % bands_after.base = bands_after.grade_no
    where followed.months_since <= request.window_months
    group by followed.month_no, bands_before.grade, bands_after.grade

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
