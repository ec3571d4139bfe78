{#- Two counts in one number: good * 2^26 + bad. Sums of it are exact below 2^53, so for
fewer than 67 million good and bad each, and a running sum serves both: running sums are
what an exact KS costs. -#}
{% macro packing() %}{{ return('67108864e0') }}{% endmacro %}

{% macro packed(label) -%}
    case {{ label }} when 'good' then {{ packing() }} when 'bad' then 1e0 else 0e0 end
{%- endmacro %}

{#- Good and bad of a packed number. -#}
{% macro good_of(packed) -%}floor(({{ packed }}) / {{ packing() }}){%- endmacro %}
{% macro bad_of(packed) -%}
    ({{ packed }}) - {{ packing() }} * floor(({{ packed }}) / {{ packing() }})
{%- endmacro %}

{#- Columns of a histogram: scored applications by end, and packed labels by end. -#}
{% macro score_count_columns() %}
    {% set columns = [] %}
    {% for end in funnel_ends() %}{% do columns.append('n_' ~ end) %}{% endfor %}
    {% do return(columns + label_columns()) %}
{% endmacro %}

{% macro label_columns() %}
    {% set columns = [] %}
    {% for label, known in drift_labels().items() %}
        {% for end in known.ends %}{% do columns.append(label ~ '_' ~ end) %}{% endfor %}
    {% endfor %}
    {% do return(columns) %}
{% endmacro %}

{#- SQL: one row per group of the keys and distinct score, with `score_count_columns`, or
with `label_columns` only, which is all a KS needs.

`relation` has the keys, score, funnel_end and the columns of `drift_labels`. -#}
{% macro score_counts(relation, keys, only_labels=false) %}
    select
        {% for key in keys %}{{ key }}, {% endfor %}
        score,
        {% for end in funnel_ends() if not only_labels -%}
            sum(case when end_no = {{ end_no(end) }} then 1e0 else 0e0 end) as n_{{ end }},
        {% endfor -%}
        {% for label, known in drift_labels().items() -%}
            {% set outer_loop = loop -%}
            {% for end in known.ends -%}
                sum(case when end_no = {{ end_no(end) }} then {{ label }} else 0e0 end)
                as {{ label }}_{{ end }}
                {{- ',' if not (loop.last and outer_loop.last) }}
            {% endfor -%}
        {% endfor %}
    from (
        select
            {% for key in keys %}{{ key }}, {% endfor %}
            score,
            -- Numbers are told apart much faster than names.
            case funnel_end
                {% for end in funnel_ends() -%}
                    when '{{ end }}' then {{ end_no(end) }}
                {% endfor -%}
            end as end_no,
            {% for label, known in drift_labels().items() -%}
                {{ packed(known.column) }} as {{ label }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ relation }}
        where score is not null
    ) as packed
    group by {% for key in keys %}{{ key }}, {% endfor %}score
{% endmacro %}

{#- SQL: `score_counts` by cohort_month of the whole (cut_by all, cut_value all) and of
each cut that the relation `cuts` asks for. The whole is counted without the names of its
cut: as keys that never differ they would take as long as all the others. -#}
{% macro score_counts_by_cut(relation, cuts, only_labels=false) %}
    select
        'all' as cut_by,
        'all' as cut_value,
        counted.*
    from ({{ score_counts(relation, ['cohort_month'], only_labels) }}) as counted
    union all
    {{ score_counts(
        '(' ~ further_cuts(relation, cuts) ~ ') as cut',
        ['cut_by', 'cut_value', 'cohort_month'],
        only_labels
    ) }}
{% endmacro %}

{#- Number of an end, in the order of the funnel, from 1. -#}
{% macro end_no(end) %}{{ return(funnel_ends().index(end) + 1) }}{% endmacro %}

{#- SQL: a running sum by `order_by` over all of a relation, a packed column's whole number
exact. One over everything, less what came `before` the group, is several times faster
than one in each partition; whole numbers of 63 bits hold 137 thousand million good and
bad. -#}
{% macro running_sum(column, order_by, before) -%}
    cast(
        sum(cast({{ column }} as bigint)) over (
            order by {{ order_by }}
            rows between unbounded preceding and current row
        ) - {{ before }} as double
    )
{%- endmacro %}

{#- SQL: of totals of groups, those of all groups before one. -#}
{% macro sum_before(column, order_by) -%}
    sum(cast({{ column }} as bigint)) over (
        order by {{ order_by }}
        rows between unbounded preceding and current row
    ) - cast({{ column }} as bigint)
{%- endmacro %}

{#- Columns of a histogram that add up to a stage; none where a label has none there. -#}
{% macro stage_columns(prefix, stage, known=none) %}
    {% set columns = [] %}
    {% for end in funnel_stages()[stage].ends if known is none or end in known %}
        {% do columns.append(prefix ~ '_' ~ end) %}
    {% endfor %}
    {% do return(columns) %}
{% endmacro %}

{#- Sets of labelled applications to compare, by name: the columns that add up to each.
Stages whose labelled applications are the same share one. -#}
{% macro labelled_sets() %}
    {% set sets = {} %}
    {% for stage in funnel_stages() %}
        {% for label, known in drift_labels().items() %}
            {% set columns = stage_columns(label, stage, known.ends) %}
            {% if columns %}{% do sets.update({columns | join('__'): columns}) %}{% endif %}
        {% endfor %}
    {% endfor %}
    {% set named = {} %}
    {% for columns in sets.values() %}
        {% do named.update({'set_' ~ loop.index: columns}) %}
    {% endfor %}
    {% do return(named) %}
{% endmacro %}

{#- Name of the set of a stage and label; none where it has no labelled application. -#}
{% macro labelled_set_of(stage, label) %}
    {% set columns = stage_columns(label, stage, drift_labels()[label].ends) %}
    {% set found = [] %}
    {% for name, members in labelled_sets().items() if members == columns %}
        {% do found.append(name) %}
    {% endfor %}
    {% do return(found | first if found else none) %}
{% endmacro %}

{#- SQL: sums of columns of a relation, under their own names. -#}
{% macro summed_columns(columns, alias) -%}
    {% for column in columns -%}
        sum({{ alias }}.{{ column }}) as {{ column }}{{ ', ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- SQL: sums of good and of bad of a label, by end: rejected_good, rejected_bad, … -#}
{% macro unpacked_ends(label, alias) -%}
    {% for end in drift_labels()[label].ends -%}
        {% set packed = alias ~ '.' ~ label ~ '_' ~ end -%}
        cast(sum({{ good_of(packed) }}) as bigint) as {{ end }}_good,
        cast(sum({{ bad_of(packed) }}) as bigint) as {{ end }}_bad
        {{- ', ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
