with counts as (

    select * from {{ ref('int_funnel_count') }}

),

funnel_count as (

    select
        cohort_month,
        stage,
        stage_no,
        parent_stage,
        is_available,
        reason,
        n,
        n_scored,
        n_waiting,
        n_out_of_order,
        n_immature,
        n_unknown,
        share_of_parent
    from counts
    where cut_by = 'all'

)

select * from funnel_count
