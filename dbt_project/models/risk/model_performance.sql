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
            where pd_{{ algorithm }} is not null
        ),

        {{ algorithm }}_performance_by_{{ kind }} as (
            {{ performance_of(
                algorithm ~ '_by_' ~ kind, ['algorithm', 'month', 'segment']
            ) }}
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
