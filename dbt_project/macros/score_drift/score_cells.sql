{#- SQL: exact KS, and that of n groups, of each stage and label in every group of the
keys, from a relation of `score_counts`.

With G and B good and bad in all, g and b those up to a score, KS is the largest
|g / G - b / B|, taken after the last of equal scores; as |g B - b G| / (G B) it is made
of whole numbers, so exact but for one division.

The n groups are of equally many applications, `groups` of the relation `request`. Their
edges are numpy's quantiles of the scores at j / groups, in the same arithmetic, and a
score on an edge belongs to the group above it: so they are those of toad's `KS_bucket`.

Gives the keys, stage, label, n_good, n_bad, n_scores (distinct ones), tied_share (chance
that two of them have the same score), ks, ks_at_score (the lowest where it is reached) and
ks_binned; null without both outcomes. -#}
{% macro score_cells(counts, keys, request) %}
    {%- set set_keys = ['set_name'] + keys %}
    with running as {{ read_once() }} ({{ _running_counts(counts, keys) }}),

    largest as {{ read_once() }} ({{ _largest_distances('running', keys) }}),

    -- The few scores where a KS is reached, or that an edge between groups may fall on.
    marked as {{ read_once() }} (
        {{ _marked_scores('running', 'largest', keys, request) }}
    ),

    edges as (
        select distinct
            {% for key in set_keys %}marked.{{ key }}, {% endfor %}
            edge.n as edge_no,
            (marked.n_all - 1) * (edge.n * (1e0 / request.groups)) as rank_from_0
        from marked
        cross join {{ request }} as request
        cross join (
            select {{ each_month(1, 'groups - 1') }} as n
            from {{ request }}
        ) as edge
    ),

    placed_edges as (
        select
            lower.*,
            case
                -- As numpy interpolates, so that its rounding is the same.
                when edges.rank_from_0 - floor(edges.rank_from_0) >= 0.5e0
                    then
                        upper.score - (upper.score - lower.score)
                        * (1e0 - (edges.rank_from_0 - floor(edges.rank_from_0)))
                else
                    lower.score + (upper.score - lower.score)
                    * (edges.rank_from_0 - floor(edges.rank_from_0))
            end as edge
        from edges
        inner join marked as lower
            on
                {{ same_keys(set_keys, 'edges', 'lower') }}
                and floor(edges.rank_from_0) >= lower.n_before
                and floor(edges.rank_from_0) < lower.n_up_to
        inner join marked as upper
            on
                {{ same_keys(set_keys, 'edges', 'upper') }}
                and floor(edges.rank_from_0) + 1 >= upper.n_before
                and floor(edges.rank_from_0) + 1 < upper.n_up_to
    ),

    grouped as (
        select
            {{ set_keys | join(', ') }},
            max(
                abs(case when edge > score then distance else distance_before end) / scale
            ) as ks_binned
        from placed_edges
        group by {{ set_keys | join(', ') }}
    ),

    reached as (
        select
            {{ set_keys | join(', ') }},
            min(score) as ks_at_score
        from marked
        where is_largest
        group by {{ set_keys | join(', ') }}
    ),

    cells as (
        {% for stage, label, set in cell_sets() -%}
            select
                '{{ stage }}' as stage,
                '{{ label }}' as label,
                '{{ set }}' as set_name,
                {% for key in keys %}{{ key }}, {% endfor %}
                {{ set }}_good as n_good,
                {{ set }}_bad as n_bad,
                {{ set }}_scores as n_scores,
                {{ set }}_tied as tied,
                {{ set }}_distance as distance
            from largest
            {{ 'union all' if not loop.last }}
        {% endfor %}
    )

    select
        cells.stage,
        cells.label,
        {% for key in keys %}cells.{{ key }}, {% endfor %}
        cast(cells.n_good as bigint) as n_good,
        cast(cells.n_bad as bigint) as n_bad,
        cast(cells.n_scores as bigint) as n_scores,
        cells.tied / nullif(power(cells.n_good + cells.n_bad, 2), 0) as tied_share,
        cells.distance / nullif(cells.n_good * cells.n_bad, 0) as ks,
        reached.ks_at_score,
        case
            when cells.n_good > 0 and cells.n_bad > 0
                then coalesce(grouped.ks_binned, 0e0)
        end as ks_binned
    from cells
    left join reached
        on {{ same_keys(set_keys, 'cells', 'reached') }}
    left join grouped
        on {{ same_keys(set_keys, 'cells', 'grouped') }}
{% endmacro %}

{#- Running sums of the labels by distinct score, with what stands at the score itself
(`_here`) and in all (`_all`). -#}
{% macro _running_counts(counts, keys) %}
    select
        {% for key in keys %}run.{{ key }}, {% endfor %}
        run.score,
        {% for set, columns in labelled_sets().items() -%}
            {{ _sum_of_columns(columns, 'run', '_here') }} as {{ set }}_here,
            {{ _sum_of_columns(columns, 'run') }} as {{ set }},
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
            {% for column in label_columns() -%}
                sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ counts }}
        group by {{ keys | join(', ') }}
    ) as total
        on {{ same_keys(keys, 'run', 'total') }}
{% endmacro %}

{#- One row per group of the keys: of each set good, bad, largest distance times G B,
distinct scores, and the sum of squares of the applications at each score. -#}
{% macro _largest_distances(running, keys) %}
    select
        {{ keys | join(', ') }},
        {% for set in labelled_sets() -%}
            max({{ good_of(set ~ '_all') }}) as {{ set }}_good,
            max({{ bad_of(set ~ '_all') }}) as {{ set }}_bad,
            max(abs({{ _distance_of(set) }})) as {{ set }}_distance,
            sum(case when {{ set }}_here > 0 then 1 else 0 end) as {{ set }}_scores,
            sum(power({{ _n_of(set ~ '_here') }}, 2)) as {{ set }}_tied
            {{- ',' if not loop.last }}
        {% endfor %}
    from {{ running }}
    group by {{ keys | join(', ') }}
{% endmacro %}

{% macro _marked_scores(running, largest, keys, request) %}
    select *
    from (
        {% for set in labelled_sets() -%}
            select
                '{{ set }}' as set_name,
                {% for key in keys %}run.{{ key }}, {% endfor %}
                run.score,
                {{ _n_of('run.' ~ set) }} as n_up_to,
                {{ _n_of('run.' ~ set) }} - ({{ _n_of('run.' ~ set ~ '_here') }})
                as n_before,
                {{ _n_of('run.' ~ set ~ '_all') }} as n_all,
                found.{{ set }}_good * found.{{ set }}_bad as scale,
                {{ _distance_of('run.' ~ set) }} as distance,
                {{ _distance_of('run.' ~ set) }} - ({{
                    _distance_of('run.' ~ set, '_here')
                }}) as distance_before,
                abs({{ _distance_of('run.' ~ set) }}) = found.{{ set }}_distance
                as is_largest,
                request.groups
            from {{ running }} as run
            inner join {{ largest }} as found
                on {{ same_keys(keys, 'run', 'found') }}
            cross join {{ request }} as request
            where
                run.{{ set }}_here > 0
                and found.{{ set }}_good > 0
                and found.{{ set }}_bad > 0
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as placed
    where
        is_largest
        -- Half a rank more on either side than an edge needs.
        or floor((n_up_to + 0.5e0) * groups / greatest(n_all - 1, 1))
        > floor((n_before - 1.5e0) * groups / greatest(n_all - 1, 1))
{% endmacro %}

{#- Stage, label, and name of their set; stages without labelled applications left out. -#}
{% macro cell_sets() %}
    {% set found = [] %}
    {% for stage in funnel_stages() %}
        {% for label in drift_labels() %}
            {% set set = labelled_set_of(stage, label) %}
            {% if set %}{% do found.append((stage, label, set)) %}{% endif %}
        {% endfor %}
    {% endfor %}
    {% do return(found) %}
{% endmacro %}

{#- Distance of the two distribution functions after a score, times G B. -#}
{% macro _distance_of(set, suffix='') -%}
    ({{ good_of(set ~ suffix) }}) * ({{ bad_of(set ~ '_all') }})
    - ({{ bad_of(set ~ suffix) }}) * ({{ good_of(set ~ '_all') }})
{%- endmacro %}

{#- Good and bad of a packed number together. -#}
{% macro _n_of(packed) -%}
    {{ good_of(packed) }} + {{ bad_of(packed) }}
{%- endmacro %}

{% macro same_keys(keys, one, other) -%}
    {% for key in keys -%}
        {{ one }}.{{ key }} = {{ other }}.{{ key }}{{ ' and ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro _sum_of_columns(columns, alias, suffix='') -%}
    {% for column in columns -%}
        {{ alias }}.{{ column }}{{ suffix }}{{ ' + ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
