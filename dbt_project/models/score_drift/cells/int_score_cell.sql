{{ config(schema='intermediate') }}

with request as (

    select * from {{ source('audit', 'drift_request') }}

),

counts as (

    select * from {{ ref('int_score_count') }}

),

int_score_cell as (
    {{ score_cells(
        'counts', ['cut_by', 'cut_value', 'cohort_month', 'is_baseline'], 'request'
    ) }}
)

select * from int_score_cell
