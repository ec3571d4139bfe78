{{ config(schema='intermediate') }}

with request as (

    select * from {{ source('audit', 'drift_request') }}

),

applications as (

    select * from {{ ref('application_label') }}

),

counted as ({{ score_counts('applications', ['cohort_month']) }}),

baseline as (

    select
        request.baseline_from as cohort_month,
        counted.score,
        {% for column in score_count_columns() -%}
            sum(counted.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from counted
    cross join request
    where counted.cohort_month between request.baseline_from and request.baseline_to
    group by request.baseline_from, counted.score

),

int_score_count as (

    select
        cohort_month,
        false as is_baseline,
        score,
        {{ score_count_columns() | join(', ') }}
    from counted
    union all
    select
        cohort_month,
        true as is_baseline,
        score,
        {{ score_count_columns() | join(', ') }}
    from baseline

)

select * from int_score_count
