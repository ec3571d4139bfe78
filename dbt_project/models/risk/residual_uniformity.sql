with window_rows as (
    select *
    from {{ ref('residual') }}
    where is_in_window
),

{% for kind, segment in residual_segments().items() %}
    by_{{ kind }} as (
        {{ uniformity_by('window_rows', kind, segment) }}
    ),
{% endfor %}

together as (
    {% for kind in residual_segments() %}
        select * from by_{{ kind }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

residual_uniformity as (
    select
        segment_kind,
        segment,
        n,
        ks_statistic,
        {{ kolmogorov_p_value('ks_statistic', 'n') }} as p_value,
        ks_statistic_uniform,
        {{ kolmogorov_p_value('ks_statistic_uniform', 'n') }} as p_value_uniform,
        mean,
        sd,
        mean_uniform,
        sd_uniform,
        events,
        expected_events,
        expected_events_corrected
    from together
)

select * from residual_uniformity
