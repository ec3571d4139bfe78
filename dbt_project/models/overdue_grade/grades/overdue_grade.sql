-- depends_on: {{ ref('int_overdue_borrower') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='overdue_points',
        on_schema_change='fail',
    )
}}

with recursive request as (

    select * from {{ source('audit', 'overdue_grade_request') }}

),

points as (

    select * from {{ ref('int_overdue_point') }}

),

lateness as (

    select * from {{ ref('int_overdue_lateness') }}

),

borrowers as (

    select * from {{ ref('int_overdue_borrower') }}

),

bands as (

    select * from {{ ref('overdue_grade_bands') }}

),

-- What new points go on from.
standing as (

    {% if is_incremental() %}
        select
            borrowers.borrower_no,
            graded.point_no,
            graded.historical_extreme,
            graded.weight_historical
        from {{ this }} as graded
        inner join borrowers on graded.borrower_key = borrowers.borrower_key
        inner join (
            select
                earlier.borrower_key,
                max(earlier.point_no) as point_no
            from {{ this }} as earlier
            inner join borrowers as known
                on
                    earlier.borrower_key = known.borrower_key
                    and earlier.observed_on <= known.graded_until
            group by earlier.borrower_key
        ) as newest
            on
                graded.borrower_key = newest.borrower_key
                and graded.point_no = newest.point_no
    {%- else %}
        select
            cast(null as integer) as borrower_no,
            cast(null as integer) as point_no,
            cast(null as integer) as historical_extreme,
            cast(null as double) as weight_historical
        where false
    {%- endif %}

),

-- Who was never late keeps the first weight: nothing to look back at, nothing to chain.
ever_late as (

    select distinct borrower_no
    from lateness

),

-- An instalment's lateness is largest when it ends; until then it is current.
timeline as (

    select
        points.borrower_no,
        points.observed_on,
        points.current_extreme as days_late,
        points.new_point_no,
        points.loans
    from points
    inner join ever_late on points.borrower_no = ever_late.borrower_no
    union all
    select
        lateness.borrower_no,
        lateness.late_until as observed_on,
        {{ days_between('lateness.due_on', 'lateness.late_until') }} as days_late,
        null as new_point_no,
        null as loans
    from lateness
    inner join borrowers on lateness.borrower_no = borrowers.borrower_no
    cross join request
    where
        lateness.late_until is not null
        and (
            borrowers.graded_until is null
            or {{ days_after('lateness.late_until', 'request.window_days') }}
            > borrowers.graded_until
        )

),

looked_back as (

    select
        timeline.borrower_no,
        timeline.observed_on,
        timeline.loans,
        timeline.days_late as current_extreme,
        timeline.new_point_no,
        max(timeline.days_late) over (
            partition by timeline.borrower_no
            order by {{ trailing_place('timeline.observed_on', 'request.window_days') }}
            range between 1 preceding and current row
        ) as historical_extreme
    from timeline
    cross join request

),

extremes as {{ read_once() }} (

    select
        looked_back.borrower_no,
        looked_back.observed_on,
        looked_back.loans,
        looked_back.current_extreme,
        looked_back.historical_extreme,
        cast(coalesce(standing.point_no, 0) + looked_back.new_point_no as integer)
            as point_no
    from looked_back
    left join standing on looked_back.borrower_no = standing.borrower_no
    where looked_back.new_point_no is not null

),

-- The clip of each step makes the weights a chain: point by point, all borrowers at once.
weighted as (

    select
        ever_late.borrower_no,
        cast(null as date) as observed_on,
        0 as loans,
        0 as current_extreme,
        standing.historical_extreme,
        coalesce(standing.point_no, 0) as point_no,
        coalesce(standing.weight_historical, request.first_weight) as weight_historical
    from ever_late
    cross join request
    left join standing on ever_late.borrower_no = standing.borrower_no
    union all
    select
        extremes.borrower_no,
        extremes.observed_on,
        extremes.loans,
        extremes.current_extreme,
        extremes.historical_extreme,
        extremes.point_no,
        {{ next_weight(
            'weighted.weight_historical',
            'extremes.historical_extreme',
            'weighted.historical_extreme',
            'request',
        ) }} as weight_historical
    from weighted
    inner join extremes
        on
            weighted.borrower_no = extremes.borrower_no
            and weighted.point_no + 1 = extremes.point_no
    cross join request

),

together as (

    select
        borrower_no,
        observed_on,
        point_no,
        loans,
        current_extreme,
        historical_extreme,
        weight_historical
    from weighted
    where observed_on is not null
    union all
    select
        points.borrower_no,
        points.observed_on,
        cast(coalesce(standing.point_no, 0) + points.new_point_no as integer) as point_no,
        points.loans,
        0 as current_extreme,
        0 as historical_extreme,
        request.first_weight as weight_historical
    from points
    cross join request
    left join standing on points.borrower_no = standing.borrower_no
    where points.borrower_no not in (select ever_late.borrower_no from ever_late)

),

composed as (

    select
        *,
        1e0 - weight_historical as weight_current,
        {{ overdue_composite(
            'weight_historical', 'historical_extreme', 'current_extreme'
        ) }} as composite
    from together

),

-- Bands begin at whole days, so a composite is graded by the whole days in it.
open_end as (

    select max(composite_from_days) as from_days
    from bands

),

graded_days as (

    select
        bands.grade,
        {{ each_month(
            'bands.composite_from_days',
            'coalesce(bands.composite_to_days - 1, bands.composite_from_days)'
        ) }} as composite_days
    from bands

),

overdue_grade as (

    select
        borrowers.borrower_key,
        composed.observed_on,
        cast(date_trunc('month', composed.observed_on) as date) as month,
        composed.point_no,
        composed.loans,
        composed.current_extreme,
        composed.historical_extreme,
        composed.weight_historical,
        composed.weight_current,
        composed.composite,
        graded_days.grade,
        request.run_id
    from composed
    cross join request
    cross join open_end
    inner join borrowers on composed.borrower_no = borrowers.borrower_no
    left join graded_days
        on
            cast(floor(least(composed.composite, open_end.from_days)) as integer)
            = graded_days.composite_days

)

select * from overdue_grade
