{#- Fewest rows whose ranks are judged; of less, auc and ks would be accidents. -#}
{% macro fewest_rows_ranked() %}{{ return(30) }}{% endmacro %}

{#- SQL: how good the probabilities `pd` of each group of rows are.

`keys` are columns of the relation. Exact with ties: auc counts a tie half (the
Mann-Whitney statistic by midranks), ks takes both distribution functions after the last
of equal values. Both are null with one class only or fewer rows than
`fewest_rows_ranked`. The logarithm is taken at least 2^-52 from 0 and 1. -#}
{% macro performance_of(relation, keys) %}
    {%- set partition = 'partition by ' ~ keys | join(', ') -%}
    select
        {% for key in keys %}{{ key }}, {% endfor %}
        count(*) as n,
        cast(max(n_events) as bigint) as events,
        avg(pd) as mean_pd,
        avg(-ln(
            greatest(case when is_event then pd else 1 - pd end, 2.220446049250313e-16)
        )) as log_loss,
        avg(power(pd - case when is_event then 1 else 0 end, 2)) as brier,
        case
            when {{ _can_be_ranked() }}
                then (
                    sum(case when is_event then (first_rank + n_not_above) / 2e0 end)
                    - max(n_events) * (max(n_events) + 1) / 2e0
                ) / max(n_events) / (count(*) - max(n_events))
        end as auc,
        case
            when {{ _can_be_ranked() }}
                then max(abs(
                    1e0 * events_not_above / nullif(n_events, 0)
                    - 1e0 * (n_not_above - events_not_above) / nullif(n - n_events, 0)
                ))
        end as ks,
        sum(pd) / nullif(max(n_events), 0) as expected_observed
    from (
        select
            *,
            rank() over ({{ partition }} order by pd) as first_rank,
            count(*) over (
                {{ partition }} order by pd
                range between unbounded preceding and current row
            ) as n_not_above,
            sum(case when is_event then 1 else 0 end) over (
                {{ partition }} order by pd
                range between unbounded preceding and current row
            ) as events_not_above,
            sum(case when is_event then 1 else 0 end) over ({{ partition }}) as n_events,
            count(*) over ({{ partition }}) as n
        from {{ relation }}
    ) as ranked
    group by {{ keys | join(', ') }}
{% endmacro %}

{% macro _can_be_ranked() -%}
    max(n_events) > 0
    and max(n_events) < count(*)
    and count(*) >= {{ fewest_rows_ranked() }}
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
