{#- SQL: how alike the normal scores of one cell are, of so many cells.

The intraclass correlation of the one-way analysis of variance, from sums by cell only
(Donner, 1986): with N scores in G cells and n0 = (N - sum n^2 / N) / (G - 1),

    icc = (MSB - MSW) / (MSB + (n0 - 1) MSW),

the average correlation of two borrowers of a cell. Its standard error is that of
Swiger et al. (1964). Beside it, the variance of observed minus expected events over the
variance they would have if borrowers were independent: once as predicted, and once with
every probability times c, the observed over the expected events of all cells. A level that
is wrong everywhere says nothing of dependence, and c takes it out:

    sum (O - c E)^2 / sum c p (1 - c p),   with sum p^2 = sum p - sum p (1 - p). -#}
{% macro cross_section(cells, scope, keys) %}
    select
        'cross_section' as dependence,
        '{{ scope }}' as scope,
        0 as lag_months,
        n,
        n_groups,
        case
            when has_spread
                then (between_ms - within_ms) / (between_ms + (n0 - 1) * within_ms)
        end as correlation,
        case when has_spread then between_ms / within_ms end as f_statistic,
        n_groups - 1 as degrees_between,
        n - n_groups as degrees_within,
        n0 as mean_group_size,
        level_ratio,
        -- One cell sets the level: nothing is left over but rounding.
        case
            when n_groups > 1
                then (
                    events_squared - 2 * level_ratio * events_expected
                    + level_ratio * level_ratio * expected_squared
                ) / nullif(
                    level_ratio * expected_events
                    - level_ratio * level_ratio * (expected_events - binomial_variance),
                    0
                )
        end as variance_ratio,
        variance_ratio_as_predicted
    from (
        select
            n,
            n_groups,
            (n - n_squared / n) / nullif(n_groups - 1, 0) as n0,
            (between_sum - total * total / n) / nullif(n_groups - 1, 0) as between_ms,
            (squares - between_sum) / nullif(n - n_groups, 0) as within_ms,
            n_groups > 1 and n > n_groups and squares - between_sum > 0 as has_spread,
            events_squared,
            events_expected,
            expected_squared,
            expected_events,
            binomial_variance,
            events / nullif(expected_events, 0) as level_ratio,
            (events_squared - 2 * events_expected + expected_squared)
            / nullif(binomial_variance, 0) as variance_ratio_as_predicted
        from (
            select
                cast(sum(n) as bigint) as n,
                count(*) as n_groups,
                sum(1e0 * n * n) as n_squared,
                sum(total) as total,
                sum(squares) as squares,
                sum(total * total / n) as between_sum,
                sum(1e0 * events) as events,
                sum(expected_events) as expected_events,
                sum(binomial_variance) as binomial_variance,
                sum(1e0 * events * events) as events_squared,
                sum(events * expected_events) as events_expected,
                sum(expected_events * expected_events) as expected_squared
            from (
                select
                    {{ keys | join(', ') }},
                    sum(n) as n,
                    sum(total) as total,
                    sum(squares) as squares,
                    sum(events) as events,
                    sum(expected_events) as expected_events,
                    sum(binomial_variance) as binomial_variance
                from {{ cells }}
                group by {{ keys | join(', ') }}
            ) as by_cell
        ) as sums
        where n > 0
    ) as mean_squares
{% endmacro %}

{#- SQL: correlation of two columns of pairs, null without spread. -#}
{% macro correlation_of(first, second) -%}
    case
        when
            count({{ second }}) > 2
            and var_samp(case when {{ second }} is not null then {{ first }} end) > 0
            and var_samp({{ second }}) > 0
            then corr({{ first }}, {{ second }})
    end
{%- endmacro %}

{#- A column of so many months before, for each lag; null where the month is missing. -#}
{% macro lagged_columns(column, lags, within) -%}
    {%- for lag in lags -%}
        max({{ column }}) over (
            {{ within }}
            range between {{ lag }} preceding and {{ lag }} preceding
        ) as {{ column }}_{{ lag }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- Pairs and correlation of a column with itself so many months before, for each lag. -#}
{% macro lag_correlations(column, lags) -%}
    {%- for lag in lags -%}
        count({{ column }}_{{ lag }}) as n_{{ lag }},
        {{ correlation_of(column, column ~ '_' ~ lag) }}
            as correlation_{{ lag }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
