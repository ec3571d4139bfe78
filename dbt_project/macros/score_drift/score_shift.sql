{#- SQL: how far the scores of each stage have moved from those of the baseline, in every
group of the keys, from a relation of `score_counts` with `is_baseline`; labels play no
part.

score_shift_ks is the largest distance of the two distribution functions of the scores,
exact: between two scores of the group its own function stands still, so the distance is
largest right after a score of the group or right before the next. psi, the population
stability index, is the sum over groups of equally many baseline applications of
(p - q) ln(p / q), p and q the shares of the two; half an application stands for none.
Gives the keys, stage, psi and score_shift_ks. `keys` are without is_baseline; those
named in `cut_keys` have a baseline each. -#}
{% macro score_shifts(counts, keys, cut_keys, request) %}
    {%- set stages = funnel_stages() %}
    with counted as (
        select
            {% for key in keys %}{{ key }}, {% endfor %}
            is_baseline,
            score,
            {% for stage in stages -%}
                {{ stage_columns('n', stage) | join(' + ') }} as {{ stage }}
                {{- ',' if not loop.last }}
            {% endfor %}
        from {{ counts }}
    ),

    -- The baseline at every score there is, its own or not.
    baseline as (
        select
            {% for key in cut_keys %}{{ key }}, {% endfor %}
            score,
            {% for stage in stages -%}
                {{ stage }} as {{ stage }}_here,
                sum({{ stage }}) over (
                    {{ 'partition by ' ~ cut_keys | join(', ') if cut_keys }}
                    order by score
                    rows between unbounded preceding and current row
                ) as {{ stage }},
                sum({{ stage }}) over (
                    {{ 'partition by ' ~ cut_keys | join(', ') if cut_keys }}
                ) as {{ stage }}_all{{ ',' if not loop.last }}
            {% endfor %}
        from (
            select
                {% for key in cut_keys %}{{ key }}, {% endfor %}
                score,
                {% for stage in stages -%}
                    sum(case when is_baseline then {{ stage }} else 0e0 end)
                    as {{ stage }}{{ ',' if not loop.last }}
                {% endfor %}
            from counted
            group by {% for key in cut_keys %}{{ key }}, {% endfor %}score
        ) as at_scores
    ),

    totals as (
        select
            row_number() over (order by {{ keys | join(', ') }}) as group_no,
            {% for stage in stages -%}
                {{ sum_before(stage, keys | join(', ')) }} as {{ stage }}_before,
            {% endfor -%}
            summed.*
        from (
            select
                {% for key in keys %}{{ key }}, {% endfor %}
                {% for stage in stages -%}
                    sum({{ stage }}) as {{ stage }}{{ ',' if not loop.last }}
                {% endfor %}
            from counted
            where not is_baseline
            group by {{ keys | join(', ') }}
        ) as summed
    ),

    running as (
        select
            totals.group_no,
            counted.score,
            {% for stage in stages -%}
                counted.{{ stage }} as {{ stage }}_here,
                {{ running_sum(
                    'counted.' ~ stage,
                    'totals.group_no, counted.score',
                    'totals.' ~ stage ~ '_before'
                ) }} as {{ stage }}{{ ',' if not loop.last }}
            {% endfor %}
        from counted
        inner join totals on {{ same_keys(keys, 'counted', 'totals') }}
        where not counted.is_baseline
    ),

    beside as {{ read_once() }} (
        select
            {% for key in keys %}totals.{{ key }}, {% endfor %}
            request.groups,
            {% for stage in stages -%}
                running.{{ stage }}_here as {{ stage }}_n,
                totals.{{ stage }} as {{ stage }}_all,
                baseline.{{ stage }}_all as {{ stage }}_baseline,
                floor(
                    (baseline.{{ stage }} - baseline.{{ stage }}_here) * request.groups
                    / nullif(baseline.{{ stage }}_all, 0)
                ) as {{ stage }}_group,
                greatest(
                    abs(
                        running.{{ stage }} * baseline.{{ stage }}_all
                        - baseline.{{ stage }} * totals.{{ stage }}
                    ),
                    abs(
                        (running.{{ stage }} - running.{{ stage }}_here)
                        * baseline.{{ stage }}_all
                        - (baseline.{{ stage }} - baseline.{{ stage }}_here)
                        * totals.{{ stage }}
                    )
                ) as {{ stage }}_distance{{ ',' if not loop.last }}
            {% endfor %}
        from running
        inner join totals on running.group_no = totals.group_no
        inner join baseline
            on
                running.score = baseline.score
                {% for key in cut_keys -%}
                    and totals.{{ key }} = baseline.{{ key }}
                {% endfor %}
        cross join {{ request }} as request
    ),

    distances as (
        select
            {% for key in keys %}{{ key }}, {% endfor %}
            {% for stage in stages -%}
                max({{ stage }}_distance)
                / nullif(max({{ stage }}_all) * max({{ stage }}_baseline), 0)
                as {{ stage }}{{ ',' if not loop.last }}
            {% endfor %}
        from beside
        group by {{ keys | join(', ') }}
    ),

    grouped as (
        {% for stage in stages -%}
            select
                '{{ stage }}' as stage,
                {% for key in keys %}{{ key }}, {% endfor %}
                least({{ stage }}_group, groups - 1) as group_no,
                sum({{ stage }}_n) as n,
                max({{ stage }}_all) as n_all
            from beside
            where {{ stage }}_baseline > 0 and {{ stage }}_all > 0
            group by
                {% for key in keys %}{{ key }}, {% endfor %}
                least({{ stage }}_group, groups - 1)
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ),

    baseline_groups as (
        {% for stage in stages -%}
            select
                '{{ stage }}' as stage,
                {% for key in cut_keys %}baseline.{{ key }}, {% endfor %}
                least(floor(
                    (baseline.{{ stage }} - baseline.{{ stage }}_here) * request.groups
                    / baseline.{{ stage }}_all
                ), request.groups - 1) as group_no,
                sum(baseline.{{ stage }}_here) as n,
                max(baseline.{{ stage }}_all) as n_all
            from baseline
            cross join {{ request }} as request
            where baseline.{{ stage }}_all > 0
            group by
                {% for key in cut_keys %}baseline.{{ key }}, {% endfor %}
                least(floor(
                    (baseline.{{ stage }} - baseline.{{ stage }}_here) * request.groups
                    / baseline.{{ stage }}_all
                ), request.groups - 1)
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ),

    stable as (
        select
            {% for key in keys %}every.{{ key }}, {% endfor %}
            every.stage,
            sum(
                (
                    greatest(coalesce(grouped.n, 0), 0.5e0) / every.n_all
                    - greatest(every.n, 0.5e0) / every.n_baseline
                ) * ln(
                    greatest(coalesce(grouped.n, 0), 0.5e0) / every.n_all
                    / (greatest(every.n, 0.5e0) / every.n_baseline)
                )
            ) as psi
        from (
            select
                {% for key in keys %}cells.{{ key }}, {% endfor %}
                cells.stage,
                cells.n_all,
                baseline_groups.group_no,
                baseline_groups.n,
                baseline_groups.n_all as n_baseline
            from (
                select
                    {% for key in keys %}{{ key }}, {% endfor %}
                    stage,
                    max(n_all) as n_all
                from grouped
                group by {% for key in keys %}{{ key }}, {% endfor %}stage
            ) as cells
            inner join baseline_groups
                on
                    cells.stage = baseline_groups.stage
                    {% for key in cut_keys -%}
                        and cells.{{ key }} = baseline_groups.{{ key }}
                    {% endfor %}
        ) as every
        left join grouped
            on
                every.stage = grouped.stage
                and every.group_no = grouped.group_no
                and {{ same_keys(keys, 'every', 'grouped') }}
        group by {% for key in keys %}every.{{ key }}, {% endfor %}every.stage
    )

    select
        {% for key in keys %}stable.{{ key }}, {% endfor %}
        stable.stage,
        stable.psi,
        case stable.stage
            {% for stage in stages -%}
                when '{{ stage }}' then distances.{{ stage }}
            {% endfor %}
        end as score_shift_ks
    from stable
    inner join distances on {{ same_keys(keys, 'stable', 'distances') }}
{% endmacro %}
