{#- How an application may end, and which stages of the funnel it then has been at. Every
application ends in exactly one way, so counts by ends add up at every stage. -#}
{% macro funnel_ends() %}
    {% do return([
        'rejected', 'undecided', 'undrawn', 'refused', 'pending', 'disbursed'
    ]) %}
{% endmacro %}

{#- Stages by name, in order: the stage above, and the ends that came through it. -#}
{% macro funnel_stages() %}
    {% do return({
        'credit_applied': {'above': none, 'ends': funnel_ends()},
        'credit_approved': {
            'above': 'credit_applied',
            'ends': ['undrawn', 'refused', 'pending', 'disbursed'],
        },
        'drawdown_applied': {
            'above': 'credit_approved', 'ends': ['refused', 'pending', 'disbursed'],
        },
        'disbursed': {'above': 'drawdown_applied', 'ends': ['disbursed']},
        'credit_rejected': {'above': 'credit_applied', 'ends': ['rejected']},
        'approved_undrawn': {'above': 'credit_approved', 'ends': ['undrawn']},
        'drawdown_rejected': {'above': 'drawdown_applied', 'ends': ['refused']},
    }) %}
{% endmacro %}

{#- The labels a score is held against: their columns, and the ends that can have them.
Only of money that left is it ever known how it turned out. -#}
{% macro drift_labels() %}
    {% do return({
        'policy': {'column': 'policy_label', 'ends': funnel_ends()},
        'performance': {'column': 'performance_label', 'ends': ['disbursed']},
    }) %}
{% endmacro %}

{#- Attributes of applications the matrix may be cut by. -#}
{% macro drift_cuts() %}{{ return(['channel', 'region', 'product']) }}{% endmacro %}

{#- SQL: the applications of `relation` once for the whole matrix (cut_by all, cut_value
all), and once more for each cut that the relation `cuts` asks for. -#}
{% macro cut_applications(relation, cuts) %}
    select
        'all' as cut_by,
        'all' as cut_value,
        {{ relation }}.*
    from {{ relation }}
    union all
    {{ further_cuts(relation, cuts) }}
{% endmacro %}

{#- SQL: the applications of `relation` once for each cut that `cuts` asks for. -#}
{% macro further_cuts(relation, cuts) %}
    {% for cut in drift_cuts() -%}
        select
            cuts.cut_by,
            {{ relation }}.{{ cut }} as cut_value,
            {{ relation }}.*
        from {{ relation }}
        inner join {{ cuts }} as cuts on cuts.cut_by = '{{ cut }}'
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}

{#- SQL: whether any of some clocks, given in the order they should strike in, struck
before an earlier one; those that are null say nothing, and hide nothing. -#}
{% macro clocks_turned(relation, clocks) -%}
    coalesce(
        {% for later in clocks[1:] -%}
            {% set outer_loop = loop -%}
            {% for earlier in clocks[:loop.index] -%}
                {{ 'or ' if not (loop.first and outer_loop.first) -}}
                {{ relation }}.{{ later }} < {{ relation }}.{{ earlier }}
            {% endfor %}
        {%- endfor -%}
        , false
    )
{%- endmacro %}

{#- Whether an application was at a stage, by where it ended. -#}
{% macro ended_at(stage) -%}
    funnel_end in ('{{ funnel_stages()[stage].ends | join("', '") }}')
{%- endmacro %}
