{#- SQL: how uniform v and the uniforms are in each segment of one kind.

The Kolmogorov-Smirnov distance is that of n sorted values x to the diagonal, the largest
of i / n - x and x - (i - 1) / n. Uniforms rise with v, so one order serves both. -#}
{% macro uniformity_by(relation, segment_kind, segment) %}
    select
        '{{ segment_kind }}' as segment_kind,
        segment,
        max(n) as n,
        {{ _distance('quantile_residual') }} as ks_statistic,
        {{ _distance('uniform') }} as ks_statistic_uniform,
        avg(quantile_residual) as mean,
        stddev_samp(quantile_residual) as sd,
        avg(uniform) as mean_uniform,
        stddev_samp(uniform) as sd_uniform,
        cast(sum(case when is_event then 1 else 0 end) as bigint) as events,
        sum(pd) as expected_events,
        sum(pd_star) as expected_events_corrected
    from (
        select
            {{ segment }} as segment,
            quantile_residual,
            uniform,
            is_event,
            pd,
            pd_star,
            row_number() over (
                partition by {{ segment }} order by quantile_residual
            ) as place,
            count(*) over (partition by {{ segment }}) as n
        from {{ relation }}
    ) as placed
    group by segment
{% endmacro %}

{% macro _distance(value) -%}
    max(greatest(1e0 * place / n - {{ value }}, {{ value }} - (place - 1e0) / n))
{%- endmacro %}
