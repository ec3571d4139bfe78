with request as (

    select * from {{ source('audit', 'drift_request') }}

),

stages as (

    select * from {{ source('audit', 'drift_stage') }}

),

applications as (

    select * from {{ ref('application_label') }}

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

    {% for stage, place in funnel_stages().items() -%}
        select
            '{{ stage }}' as stage,
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
        where funnel_end in ('{{ place.ends | join("', '") }}')
        group by cohort_month
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

undecided as (

    select
        cohort_month,
        cast(sum(case when funnel_end = 'undecided' then 1 else 0 end) as bigint)
            as n_undecided,
        cast(sum(case when funnel_end = 'pending' then 1 else 0 end) as bigint)
            as n_pending
    from applications
    group by cohort_month

),

filled as (

    select
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
    left join counted
        on
            months.cohort_month = counted.cohort_month
            and stages.stage = counted.stage
    left join undecided on months.cohort_month = undecided.cohort_month

),

funnel_count as (

    select
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

)

select * from funnel_count
