{#- SQL: exact KS, and that of n groups, of each stage and label in every group of the
keys, from a relation of `score_counts`.

With G and B good and bad in all, g and b those up to a score, KS is the largest
|g / G - b / B|, taken after the last of equal scores; as |g B - b G| / (G B) it is made
of whole numbers, so exact but for one division.

The n groups are of equally many applications, `groups` of the relation `request`. Their
edges are numpy's quantiles of the scores at j / groups, in the same arithmetic, and a
score on an edge belongs to the group above it: so they are those of toad's `KS_bucket`.

Gives the keys, stage, label, n_good, n_bad, n_scores (distinct ones), tied_share (chance
that two of them have the same score), ks, ks_at_score (the lowest where it is reached),
is_turned (the good lie lower there) and ks_binned; null without both outcomes. -#}
{% macro score_cells(counts, keys, request) %}
    {%- set set_keys = ['set_name', 'group_no'] %}
    with groups as {{ read_once() }} (
        select
            row_number() over (order by {{ keys | join(', ') }}) as group_no,
            {{ keys | join(', ') }},
            request.groups as n_groups,
            {% for column in label_columns() -%}
                {{ sum_before(column, keys | join(', ')) }} as {{ column }}_before,
            {% endfor -%}
            {% for set, columns in labelled_sets().items() -%}
                {{ good_of(_sum_of_columns(columns)) }} as {{ set }}_good,
                {{ bad_of(_sum_of_columns(columns)) }} as {{ set }}_bad
                {{- ',' if not loop.last }}
            {% endfor %}
        from (
            select
                {{ keys | join(', ') }},
                {% for column in label_columns() -%}
                    sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
                {% endfor %}
            from {{ counts }}
            group by {{ keys | join(', ') }}
        ) as summed
        cross join {{ request }} as request
    ),

    -- One number to sort by is much faster than all keys.
    running as {{ read_once() }} (
        select
            numbered.group_no,
            counts.score,
            {% for column in label_columns() -%}
                counts.{{ column }} as {{ column }}_here,
                {{ running_sum(
                    'counts.' ~ column,
                    'numbered.group_no, counts.score',
                    'numbered.' ~ column ~ '_before'
                ) }} as {{ column }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ counts }} as counts
        inner join groups as numbered
            on {{ same_keys(keys, 'counts', 'numbered') }}
    ),

    largest as {{ read_once() }} ({{ _largest_distances() }}),

    -- The few scores where a KS is reached, or that an edge between groups may fall on.
    candidates as {{ read_once() }} ({{ _candidate_scores() }}),

    marked as {{ read_once() }} ({{ _marked_scores() }}),

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
            min(score) as ks_at_score,
            -- The good lie lower wherever it is reached.
            min(case when distance > 0 then 1 else 0 end) as turned
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
                largest.group_no,
                {% for key in keys %}groups.{{ key }}, {% endfor %}
                groups.{{ set }}_good as n_good,
                groups.{{ set }}_bad as n_bad,
                largest.{{ set }}_scores as n_scores,
                largest.{{ set }}_tied as tied,
                largest.{{ set }}_distance as distance
            from largest
            inner join groups on largest.group_no = groups.group_no
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
        coalesce(reached.turned, 0) = 1 as is_turned,
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

{#- Good and bad of every set up to a score and at it, with all there are of its group. -#}
{% macro _unpacked_counts() %}
    select
        running.group_no,
        running.score,
        groups.n_groups,
        {% for set, columns in labelled_sets().items() -%}
            {%- set up_to = _sum_of_columns(columns, 'running') -%}
            {%- set here = _sum_of_columns(columns, 'running', '_here') -%}
            {{ good_of(up_to) }} as {{ set }}_good,
            {{ bad_of(up_to) }} as {{ set }}_bad,
            {{ good_of(here) }} as {{ set }}_good_here,
            {{ bad_of(here) }} as {{ set }}_bad_here,
            groups.{{ set }}_good as {{ set }}_all_good,
            groups.{{ set }}_bad as {{ set }}_all_bad{{ ',' if not loop.last }}
        {% endfor %}
    from running
    inner join groups on running.group_no = groups.group_no
{% endmacro %}

{#- One row per group: of each set the largest distance times G B, distinct scores, and the
sum of squares of the applications at each score. -#}
{% macro _largest_distances() %}
    select
        group_no,
        {% for set in labelled_sets() -%}
            max(abs({{ _distance_of(set) }})) as {{ set }}_distance,
            sum(
                case when {{ set }}_good_here + {{ set }}_bad_here > 0 then 1 else 0 end
            ) as {{ set }}_scores,
            sum(power({{ set }}_good_here + {{ set }}_bad_here, 2)) as {{ set }}_tied
            {{- ',' if not loop.last }}
        {% endfor %}
    from ({{ _unpacked_counts() }}) as unpacked
    group by group_no
{% endmacro %}

{#- Scores that are marked for any of the sets. -#}
{% macro _candidate_scores() %}
    select
        unpacked.*,
        {% for set in labelled_sets() -%}
            largest.{{ set }}_distance{{ ',' if not loop.last }}
        {% endfor %}
    from ({{ _unpacked_counts() }}) as unpacked
    inner join largest on unpacked.group_no = largest.group_no
    where
        {% for set in labelled_sets() -%}
            (
                {{ set }}_good_here + {{ set }}_bad_here > 0
                and (
                    abs({{ _distance_of(set) }}) = largest.{{ set }}_distance
                    -- Half a rank more on either side than an edge needs.
                    or floor(
                        ({{ set }}_good + {{ set }}_bad + 0.5e0) * unpacked.n_groups
                        / greatest({{ set }}_all_good + {{ set }}_all_bad - 1, 1)
                    ) > floor(
                        (
                            {{ set }}_good + {{ set }}_bad
                            - {{ set }}_good_here - {{ set }}_bad_here - 1.5e0
                        ) * unpacked.n_groups
                        / greatest({{ set }}_all_good + {{ set }}_all_bad - 1, 1)
                    )
                )
            )
            {{ 'or' if not loop.last }}
        {% endfor %}
{% endmacro %}

{#- The candidates of each set: long, with the ranks they take. -#}
{% macro _marked_scores() %}
    {% for set in labelled_sets() -%}
        select
            '{{ set }}' as set_name,
            group_no,
            score,
            {{ set }}_good + {{ set }}_bad as n_up_to,
            {{ set }}_good + {{ set }}_bad - {{ set }}_good_here - {{ set }}_bad_here
            as n_before,
            {{ set }}_all_good + {{ set }}_all_bad as n_all,
            {{ set }}_all_good * {{ set }}_all_bad as scale,
            {{ _distance_of(set) }} as distance,
            {{ _distance_of(set) }} - ({{ _distance_of(set, '_here') }})
            as distance_before,
            abs({{ _distance_of(set) }}) = {{ set }}_distance as is_largest
        from candidates
        where
            {{ set }}_good_here + {{ set }}_bad_here > 0
            and {{ set }}_all_good > 0
            and {{ set }}_all_bad > 0
        {{ 'union all' if not loop.last }}
    {% endfor %}
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
    {{ set }}_good{{ suffix }} * {{ set }}_all_bad
    - {{ set }}_bad{{ suffix }} * {{ set }}_all_good
{%- endmacro %}

{% macro same_keys(keys, one, other) -%}
    {% for key in keys -%}
        {{ one }}.{{ key }} = {{ other }}.{{ key }}{{ ' and ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro _sum_of_columns(columns, alias=none, suffix='') -%}
    {% for column in columns -%}
        {{ alias ~ '.' if alias }}{{ column }}{{ suffix }}{{ ' + ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
