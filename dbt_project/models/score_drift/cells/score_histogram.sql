{{ config(materialized='view') }}

with counts as (

    select * from {{ ref('int_score_count') }}
    where not is_baseline

),

score_histogram as (

    {% for stage in funnel_stages() -%}
        {% set outer_loop = loop -%}
        {% for label, known in drift_labels().items() -%}
            {% set columns = stage_columns(label, stage, known.ends) -%}
            {% if columns -%}
                {{ 'union all' if not (outer_loop.first and loop.first) }}
                select
                    '{{ stage }}' as stage,
                    cohort_month,
                    cut_by,
                    cut_value,
                    '{{ label }}' as label,
                    score,
                    cast({{ good_of(columns | join(' + ')) }} as bigint) as n_good,
                    cast({{ bad_of(columns | join(' + ')) }} as bigint) as n_bad
                from counts
                where {{ columns | join(' + ') }} > 0
            {%- endif %}
        {% endfor %}
    {% endfor %}

)

select * from score_histogram
