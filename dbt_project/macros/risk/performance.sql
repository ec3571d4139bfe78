{#- Fewest rows whose ranks are judged; of less, auc and ks would be accidents. -#}
{% macro fewest_rows_ranked() %}{{ return(30) }}{% endmacro %}

{#- SQL: how good the probabilities `pd` of each group of rows are.

`keys` are columns of the relation. Exact with ties: auc counts a tie half (the
Mann-Whitney statistic by midranks), ks takes both distribution functions after the last
of equal values. Both are null with one class only or fewer rows than
`fewest_rows_ranked`. The logarithm is taken at least 2^-52 from 0 and 1. Equal
probabilities of a group are counted first, so that only the counts are sorted. -#}
{% macro performance_of(relation, keys) %}
    {%- set partition = 'partition by ' ~ keys | join(', ') -%}
    {%- set up_to_here = (
        partition ~ ' order by pd rows between unbounded preceding and current row'
    ) -%}
    select
        {% for key in keys %}{{ key }}, {% endfor %}
        cast(max(n_all) as bigint) as n,
        cast(max(n_events) as bigint) as events,
        sum(n * pd) / max(n_all) as mean_pd,
        -sum(
            events * ln(greatest(pd, 2.220446049250313e-16))
            + (n - events) * ln(greatest(1 - pd, 2.220446049250313e-16))
        ) / max(n_all) as log_loss,
        sum(events * power(pd - 1, 2) + (n - events) * power(pd, 2))
        / max(n_all) as brier,
        case
            when {{ _can_be_ranked() }}
                then (
                    sum(events * (n_not_above - (n - 1) / 2e0))
                    - max(n_events) * (max(n_events) + 1) / 2e0
                ) / max(n_events) / (max(n_all) - max(n_events))
        end as auc,
        case
            when {{ _can_be_ranked() }}
                then max(abs(
                    1e0 * events_not_above / nullif(n_events, 0)
                    - 1e0 * (n_not_above - events_not_above)
                    / nullif(n_all - n_events, 0)
                ))
        end as ks,
        sum(n * pd) / nullif(max(n_events), 0) as expected_observed
    from (
        select
            *,
            sum(n) over ({{ up_to_here }}) as n_not_above,
            sum(events) over ({{ up_to_here }}) as events_not_above,
            sum(events) over ({{ partition }}) as n_events,
            sum(n) over ({{ partition }}) as n_all
        from (
            select
                {% for key in keys %}{{ key }}, {% endfor %}
                pd,
                cast(count(*) as double) as n,
                sum(case when is_event then 1e0 else 0e0 end) as events
            from {{ relation }}
            group by {% for key in keys %}{{ key }}, {% endfor %}pd
        ) as counted
    ) as ranked
    group by {{ keys | join(', ') }}
{% endmacro %}

{#- SQL: one row with the only segment of each kind; null where there are several. -#}
{% macro only_segments_of(relation) %}
    select
        {% for kind, segment in performance_segments().items() if kind != 'all' -%}
            case when count(distinct {{ segment }}) = 1 then min({{ segment }}) end
            as {{ kind }}{{ ', ' if not loop.last }}
        {% endfor %}
    from {{ relation }}
{% endmacro %}

{#- SQL: the quality of all rows, a result of `performance_of`, once more for the only
segment of its kind, where `only_segments` has one. -#}
{% macro performance_of_only_segment(all_rows, keys, kind) %}
    select
        {% for key in keys if key != 'segment' -%}
            {{ all_rows }}.{{ key }},
        {% endfor -%}
        only_segments.{{ kind }} as segment,
        {{ all_rows }}.n,
        {{ all_rows }}.events,
        {{ all_rows }}.mean_pd,
        {{ all_rows }}.log_loss,
        {{ all_rows }}.brier,
        {{ all_rows }}.auc,
        {{ all_rows }}.ks,
        {{ all_rows }}.expected_observed
    from {{ all_rows }}
    cross join only_segments
    where only_segments.{{ kind }} is not null
{% endmacro %}

{% macro _can_be_ranked() -%}
    max(n_events) > 0
    and max(n_events) < max(n_all)
    and max(n_all) >= {{ fewest_rows_ranked() }}
{%- endmacro %}

{#- Algorithms that predict: columns pd_<algorithm> of risk.pd_candidate. -#}
{% macro algorithms() %}{{ return(['xgboost', 'logit', 'blend']) }}{% endmacro %}

{#- Lower ('-') or upper ('+') end of Wilson's (1927) 95 % interval of a share, with
z = 1.96 and so z^2 / 2 = 1.92, z^2 / 4 = 0.96, z^2 = 3.84. -#}
{% macro wilson(events, n, sign) -%}
    greatest(0e0, least(1e0, (
        {{ events }} + 1.9207294103470268e0
        {{ sign }} 1.959963984540054e0 * sqrt(
            1e0 * {{ events }} * ({{ n }} - {{ events }}) / {{ n }}
            + 0.9603647051735134e0
        )
    ) / ({{ n }} + 3.8414588206940536e0)))
{%- endmacro %}
