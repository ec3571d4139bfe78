{{ config(schema='intermediate') }}

with request as (

    select * from {{ source('audit', 'drift_request') }}

),

stages as (

    select * from {{ source('audit', 'drift_stage') }}

),

cuts as (

    select * from {{ source('audit', 'drift_cut') }}

),

labelled as (

    select * from {{ ref('application_label') }}

),

applications as ({{ cut_applications('labelled', 'cuts') }}),

cut_values as (

    -- The whole matrix has its months even where nobody applied at all.
    select distinct
        cut_by,
        cut_value
    from applications
    union distinct
    select
        'all' as cut_by,
        'all' as cut_value

),

months as (

    select {{ month_start('month_no') }} as cohort_month
    from (
        select
            {{ each_month(
                month_number('first_month'), month_number('month')
            ) }} as month_no
        from request
    ) as numbered

),

counted as (

    {% for stage in funnel_stages() -%}
        select
            '{{ stage }}' as stage,
            cut_by,
            cut_value,
            cohort_month,
            count(*) as n,
            count(score) as n_scored,
            cast(sum(case when is_out_of_order then 1 else 0 end) as bigint)
                as n_out_of_order,
            cast(sum(
                case
                    when funnel_end = 'disbursed' and not is_mature then 1 else 0
                end
            ) as bigint) as n_immature
        from applications
        where {{ ended_at(stage) }}
        group by cut_by, cut_value, cohort_month
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

undecided as (

    select
        cut_by,
        cut_value,
        cohort_month,
        cast(sum(case when funnel_end = 'undecided' then 1 else 0 end) as bigint)
            as n_undecided,
        cast(sum(case when funnel_end = 'pending' then 1 else 0 end) as bigint)
            as n_pending
    from applications
    group by cut_by, cut_value, cohort_month

),

filled as (

    select
        cut_values.cut_by,
        cut_values.cut_value,
        months.cohort_month,
        stages.stage,
        stages.stage_no,
        stages.parent_stage,
        stages.is_available,
        stages.reason,
        coalesce(counted.n, 0) as n,
        coalesce(counted.n_scored, 0) as n_scored,
        coalesce(counted.n_out_of_order, 0) as n_out_of_order,
        coalesce(counted.n_immature, 0) as n_immature,
        case stages.stage
            when 'credit_applied' then coalesce(undecided.n_undecided, 0)
            when 'drawdown_applied' then coalesce(undecided.n_pending, 0)
            else 0
        end as n_waiting
    from months
    cross join stages
    cross join cut_values
    left join counted
        on
            months.cohort_month = counted.cohort_month
            and stages.stage = counted.stage
            and cut_values.cut_by = counted.cut_by
            and cut_values.cut_value = counted.cut_value
    left join undecided
        on
            months.cohort_month = undecided.cohort_month
            and cut_values.cut_by = undecided.cut_by
            and cut_values.cut_value = undecided.cut_value

),

int_funnel_count as (

    select
        filled.cut_by,
        filled.cut_value,
        filled.cohort_month,
        filled.stage,
        filled.stage_no,
        filled.parent_stage,
        filled.is_available,
        filled.reason,
        case when filled.is_available then filled.n end as n,
        case when filled.is_available then filled.n_scored end as n_scored,
        case when filled.is_available then filled.n_waiting end as n_waiting,
        case when filled.is_available then filled.n_out_of_order end
            as n_out_of_order,
        case when filled.is_available then filled.n_immature end as n_immature,
        case
            when filled.is_available then {{ ratio('filled.n', 'parents.n') }}
        end as share_of_parent
    from filled
    left join filled as parents
        on
            filled.parent_stage = parents.stage
            and filled.cohort_month = parents.cohort_month
            and filled.cut_by = parents.cut_by
            and filled.cut_value = parents.cut_value

)

select * from int_funnel_count
