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
            ) as bigint) as n_immature,
            cast(sum(case when funnel_end = 'disbursed' then 1 else 0 end) as bigint)
                as n_disbursed,
            cast(sum(case when is_outcome_unknown then 1 else 0 end) as bigint)
                as n_unknown
        from applications
        where {{ ended_at(stage) }}
        group by cut_by, cut_value, cohort_month
        {{ 'union all' if not loop.last }}
    {% endfor %}

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
        coalesce(counted.n_disbursed, 0) as n_disbursed,
        coalesce(counted.n_unknown, 0) as n_unknown
    from months
    cross join stages
    cross join cut_values
    left join counted
        on
            months.cohort_month = counted.cohort_month
            and stages.stage = counted.stage
            and cut_values.cut_by = counted.cut_by
            and cut_values.cut_value = counted.cut_value

),

-- Stages that are recorded partly leave room between them: who went on to none of them
-- is still waiting, as far as anybody can tell.
passed as (

    select
        cut_by,
        cut_value,
        cohort_month,
        parent_stage as stage,
        sum(n) as n
    from filled
    where is_available and parent_stage is not null
    group by cut_by, cut_value, cohort_month, parent_stage

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
        case
            when filled.is_available then coalesce(filled.n - passed.n, 0)
        end as n_waiting,
        case when filled.is_available then filled.n_out_of_order end
            as n_out_of_order,
        case when filled.is_available then filled.n_immature end as n_immature,
        case when filled.is_available then filled.n_disbursed end as n_disbursed,
        case when filled.is_available then filled.n_unknown end as n_unknown,
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
    left join passed
        on
            filled.stage = passed.stage
            and filled.cohort_month = passed.cohort_month
            and filled.cut_by = passed.cut_by
            and filled.cut_value = passed.cut_value

)

select * from int_funnel_count
