{#- SQL: exact KS of each stage and label in every group of the keys, from a relation of
`score_counts`. One pass: running sums over a group's distinct scores, then the largest
distance.

With G and B good and bad in all, g and b those up to a score, KS is the largest
|g / G - b / B|, taken after the last of equal scores; as |g B - b G| / (G B) it is made
of whole numbers, so exact but for one division. Gives the keys, stage, label, n_scored,
n_good, n_bad, n_scores (distinct ones among those labelled) and ks, null without both
outcomes. -#}
{% macro score_cells(counts, keys) %}
    select
        {% for key in keys %}widened.{{ key }}, {% endfor %}
        named.stage,
        named.label,
        cast({{ _of_stage('n') }} as bigint) as n_scored,
        cast({{ _of_cell('good') }} as bigint) as n_good,
        cast({{ _of_cell('bad') }} as bigint) as n_bad,
        cast({{ _of_cell('scores') }} as bigint) as n_scores,
        {{ _of_cell('distance') }} / nullif(
            ({{ _of_cell('good') }}) * ({{ _of_cell('bad') }}), 0
        ) as ks
    from (
        select
            {{ keys | join(', ') }},
            {% for stage in funnel_stages() -%}
                max({{ stage }}_n) as {{ stage }}_n,
            {% endfor -%}
            {% for set in labelled_sets() -%}
                max({{ set }}_all_good) as {{ set }}_good,
                max({{ set }}_all_bad) as {{ set }}_bad,
                sum(case when {{ set }}_here > 0 then 1 else 0 end) as {{ set }}_scores,
                max(abs(
                    {{ set }}_good * {{ set }}_all_bad
                    - {{ set }}_bad * {{ set }}_all_good
                )) as {{ set }}_distance{{ ',' if not loop.last }}
            {% endfor %}
        from ({{ unpacked_counts(counts, keys) }}) as unpacked
        group by {{ keys | join(', ') }}
    ) as widened
    cross join (
        {% for stage in funnel_stages() -%}
            {% set outer_loop = loop -%}
            {% for label in drift_labels() -%}
                select '{{ stage }}' as stage, '{{ label }}' as label
                {{ 'union all' if not (loop.last and outer_loop.last) }}
            {% endfor %}
        {% endfor %}
    ) as named
{% endmacro %}

{#- SQL: at each distinct score of a group, good and bad of each of `labelled_sets` up to
it, in all, and labelled ones here. -#}
{% macro unpacked_counts(counts, keys) %}
    select
        {{ keys | join(', ') }},
        score,
        {% for stage in funnel_stages() -%}{{ stage }}_n, {% endfor -%}
        {% for set in labelled_sets() -%}
            {{ set }}_here,
            {{ good_of(set ~ '_up_to') }} as {{ set }}_good,
            {{ bad_of(set ~ '_up_to') }} as {{ set }}_bad,
            {{ good_of(set ~ '_all') }} as {{ set }}_all_good,
            {{ bad_of(set ~ '_all') }} as {{ set }}_all_bad
            {{- ',' if not loop.last }}
        {% endfor %}
    from (
        select
            {% for key in keys %}run.{{ key }}, {% endfor %}
            run.score,
            {% for stage in funnel_stages() -%}
                {{ _sum_of_columns(stage_columns('n', stage), 'total') }} as {{ stage }}_n,
            {% endfor -%}
            {% for set, columns in labelled_sets().items() -%}
                {{ _sum_of_columns(columns, 'run', '_here') }} as {{ set }}_here,
                {{ _sum_of_columns(columns, 'run') }} as {{ set }}_up_to,
                {{ _sum_of_columns(columns, 'total') }} as {{ set }}_all
                {{- ',' if not loop.last }}
            {% endfor %}
        from (
            select
                {{ keys | join(', ') }},
                score,
                {% for column in label_columns() -%}
                    {{ column }} as {{ column }}_here,
                    sum({{ column }}) over (
                        partition by {{ keys | join(', ') }}
                        order by score
                        rows between unbounded preceding and current row
                    ) as {{ column }}{{ ',' if not loop.last }}
                {% endfor %}
            from {{ counts }}
        ) as run
        inner join (
            select
                {{ keys | join(', ') }},
                {% for column in score_count_columns() -%}
                    sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
                {% endfor %}
            from {{ counts }}
            group by {{ keys | join(', ') }}
        ) as total
            on {% for key in keys -%}
                run.{{ key }} = total.{{ key }}{{ ' and ' if not loop.last }}
            {%- endfor %}
    ) as placed
{% endmacro %}

{% macro _sum_of_columns(columns, alias, suffix='') -%}
    {% for column in columns -%}
        {{ alias }}.{{ column }}{{ suffix }}{{ ' + ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- The figure of a row's stage. -#}
{% macro _of_stage(figure) -%}
    case named.stage
        {% for stage in funnel_stages() -%}
            when '{{ stage }}' then widened.{{ stage }}_{{ figure }}
        {% endfor %}
    end
{%- endmacro %}

{#- The figure of a row's stage and label, 0 where it has no labelled application. -#}
{% macro _of_cell(figure) -%}
    case named.stage || ' ' || named.label
        {% for stage in funnel_stages() -%}
            {% for label in drift_labels() -%}
                {% set set = labelled_set_of(stage, label) -%}
                {% if set -%}
                    when '{{ stage }} {{ label }}' then widened.{{ set }}_{{ figure }}
                {% endif -%}
            {% endfor -%}
        {% endfor -%}
        else 0
    end
{%- endmacro %}
