with request as (

    select * from {{ source('audit', 'drift_request') }}

),

funnel as (

    select * from {{ ref('int_funnel_count') }}
    where cut_by <> 'all'

),

cells as (

    select * from {{ ref('int_score_cell') }}

),

shifts as (

    select * from {{ ref('int_score_shift') }}

),

intervals as (

    select * from {{ source('score_drift', 'score_interval') }}

),

score_drift_cut as ({{ score_matrix(['cut_by', 'cut_value']) }})

select * from score_drift_cut
