{%- set keys = ['algorithm', 'month', 'segment'] -%}
with candidates as (
    select * from {{ source('risk', 'pd_candidate') }}
),

borrowers as (
    select * from {{ ref('dim_borrower') }}
),

placed as {{ read_once() }} (
    select
        candidates.month,
        candidates.is_event,
        {% for algorithm in algorithms() -%}
            candidates.pd_{{ algorithm }},
        {% endfor -%}
        coalesce(borrowers.region, 'unknown') as region,
        coalesce(borrowers.industry, 'unknown') as industry,
        coalesce(borrowers.kind, 'unknown') as kind
    from candidates
    left join borrowers on candidates.borrower_key = borrowers.borrower_key
),

-- The only segment of a kind is the whole book again: it is not ranked a second time.
only_segments as {{ read_once() }} (
    {{ only_segments_of('placed') }}
),

{% for algorithm in algorithms() %}
    {% for kind, segment in performance_segments().items() %}
        {{ algorithm }}_by_{{ kind }} as (
            select
                '{{ algorithm }}' as algorithm,
                month,
                {{ segment }} as segment,
                is_event,
                pd_{{ algorithm }} as pd
            from placed
            where
                pd_{{ algorithm }} is not null
                {% if kind != 'all' -%}
                    and (select only_segments.{{ kind }} from only_segments) is null
                {%- endif %}
        ),

        {{ algorithm }}_performance_by_{{ kind }} as {{ read_once() }} (
            {{ performance_of(algorithm ~ '_by_' ~ kind, keys) }}
            {% if kind != 'all' %}
                union all
                {{ performance_of_only_segment(
                    algorithm ~ '_performance_by_all', keys, kind
                ) }}
            {% endif %}
        ),
    {% endfor %}
{% endfor %}

model_performance as (
    {% for algorithm in algorithms() %}
        {% set outer = loop %}
        {% for kind in performance_segments() %}
            select
                algorithm,
                month,
                '{{ kind }}' as segment_kind,
                segment,
                n,
                events,
                mean_pd,
                log_loss,
                brier,
                auc,
                ks,
                expected_observed
            from {{ algorithm }}_performance_by_{{ kind }}
            {{ 'union all' if not (loop.last and outer.last) }}
        {% endfor %}
    {% endfor %}
)

select * from model_performance
