{%- set lags = [1, 2, 3, 6, 12] -%}
{%- set scopes = {
    'month': ['month_no'],
    'month_region': ['month_no', 'region'],
    'month_industry': ['month_no', 'industry'],
    'month_region_industry': ['month_no', 'region', 'industry'],
} -%}
with window_rows as (
    select *
    from {{ ref('residual') }}
    where is_in_window
),

scored as {{ read_once() }} (
    select
        borrower_key,
        {{ month_number('month') }} as month_no,
        region,
        industry,
        is_event,
        pd_star,
        {{ normal_quantile('quantile_residual') }} as score
    from window_rows
),

-- Months are looked up by number: a borrower is not at risk in every one.
lagged as (
    select
        score,
        {{ lagged_columns('score', lags, 'partition by borrower_key order by month_no') }}
    from scored
),

same_borrower as (
    select {{ lag_correlations('score', lags) }}
    from lagged
),

-- Borrowers' sums by month, region and industry: all that follows needs no more.
cells as {{ read_once() }} (
    select
        month_no,
        region,
        industry,
        count(*) as n,
        sum(score) as total,
        sum(score * score) as squares,
        sum(case when is_event then 1 else 0 end) as events,
        sum(pd_star) as expected_events,
        sum(pd_star * (1 - pd_star)) as binomial_variance
    from scored
    group by month_no, region, industry
),

month_means as (
    select
        month_no,
        sum(total) / sum(n) as mean_score
    from cells
    group by month_no
),

lagged_means as (
    select
        mean_score,
        {{ lagged_columns('mean_score', lags, 'order by month_no') }}
    from month_means
),

same_portfolio as (
    select {{ lag_correlations('mean_score', lags) }}
    from lagged_means
),

serial as (
    {% for scope in ['borrower', 'portfolio'] %}
        {% set scope_loop = loop %}
        {% for lag in lags %}
            select
                'serial' as dependence,
                '{{ scope }}' as scope,
                {{ lag }} as lag_months,
                n_{{ lag }} as n,
                correlation_{{ lag }} as correlation
            from same_{{ scope }}
            where n_{{ lag }} > 0
            {{ 'union all' if not (loop.last and scope_loop.last) }}
        {% endfor %}
    {% endfor %}
),

{% for scope, keys in scopes.items() %}
    cross_{{ scope }} as (
        {{ cross_section('cells', scope, keys) }}
    ),
{% endfor %}

cross_section as (
    {% for scope in scopes %}
        select * from cross_{{ scope }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

residual_dependence as (
    select
        dependence,
        scope,
        lag_months,
        n,
        cast(null as bigint) as n_groups,
        correlation,
        sqrt((1 - correlation * correlation) / nullif(n - 2, 0)) as standard_error,
        cast(null as double) as f_statistic,
        cast(null as bigint) as degrees_between,
        cast(null as bigint) as degrees_within,
        cast(null as double) as level_ratio,
        cast(null as double) as variance_ratio,
        cast(null as double) as variance_ratio_as_predicted
    from serial
    union all
    select
        dependence,
        scope,
        lag_months,
        n,
        n_groups,
        correlation,
        sqrt(
            2 * (n - 1e0) * power(1 - correlation, 2)
            * power(1 + (mean_group_size - 1) * correlation, 2)
            / (power(mean_group_size, 2) * degrees_within * degrees_between)
        ) as standard_error,
        f_statistic,
        degrees_between,
        degrees_within,
        level_ratio,
        variance_ratio,
        variance_ratio_as_predicted
    from cross_section
)

select * from residual_dependence
