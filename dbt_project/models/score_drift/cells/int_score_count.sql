{{ config(schema='intermediate') }}

with request as (

    select * from {{ source('audit', 'drift_request') }}

),

cuts as (

    select * from {{ source('audit', 'drift_cut') }}

),

applications as (

    select * from {{ ref('application_label') }}

),

counted as {{ read_once() }} ({{ score_counts_by_cut('applications', 'cuts') }}),

baseline as (

    select
        counted.cut_by,
        counted.cut_value,
        request.baseline_from as cohort_month,
        counted.score,
        {{ summed_columns(score_count_columns(), 'counted') }}
    from counted
    cross join request
    where counted.cohort_month between request.baseline_from and request.baseline_to
    group by
        counted.cut_by,
        counted.cut_value,
        request.baseline_from,
        counted.score

),

int_score_count as (

    select
        cut_by,
        cut_value,
        cohort_month,
        false as is_baseline,
        score,
        {{ score_count_columns() | join(', ') }}
    from counted
    union all
    select
        cut_by,
        cut_value,
        cohort_month,
        true as is_baseline,
        score,
        {{ score_count_columns() | join(', ') }}
    from baseline

)

select * from int_score_count
