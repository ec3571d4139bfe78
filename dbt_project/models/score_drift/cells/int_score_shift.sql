{{ config(schema='intermediate') }}

with request as (

    select * from {{ source('audit', 'drift_request') }}

),

counts as (

    select * from {{ ref('int_score_count') }}

),

int_score_shift as (
    {{ score_shifts(
        'counts',
        ['cut_by', 'cut_value', 'cohort_month'],
        ['cut_by', 'cut_value'],
        'request'
    ) }}
)

select * from int_score_shift
