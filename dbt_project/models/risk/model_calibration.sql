with candidates as (
    select * from {{ source('risk', 'pd_candidate') }}
),

{% for algorithm in algorithms() %}
    {{ algorithm }}_edges as (
        select {{ quantiles('pd_' ~ algorithm, inner_shares(pd_bands())) }} as edges
        from candidates
        having count(pd_{{ algorithm }}) > 0
    ),
{% endfor %}

banded as (
    {% for algorithm in algorithms() %}
        select
            '{{ algorithm }}' as algorithm,
            candidates.month,
            candidates.is_event,
            candidates.pd_{{ algorithm }} as pd,
            {{ band_of('pd_' ~ algorithm, elements('edges', pd_bands() - 1)) }} as pd_band
        from candidates
        cross join {{ algorithm }}_edges
        where candidates.pd_{{ algorithm }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

by_month as {{ read_once() }} (
    select
        algorithm,
        month,
        pd_band,
        count(*) as n,
        sum(case when is_event then 1 else 0 end) as events,
        sum(pd) as expected_events
    from banded
    group by algorithm, month, pd_band
),

totals as (
    select * from by_month
    union all
    select
        algorithm,
        cast(null as date) as month,
        pd_band,
        sum(n) as n,
        sum(events) as events,
        sum(expected_events) as expected_events
    from by_month
    group by algorithm, pd_band
),

model_calibration as (
    select
        algorithm,
        month,
        pd_band,
        cast(n as bigint) as n,
        cast(events as bigint) as events,
        expected_events / n as mean_pd,
        1e0 * events / n as observed_rate,
        {{ wilson('events', 'n', '-') }} as observed_rate_low,
        {{ wilson('events', 'n', '+') }} as observed_rate_high
    from totals
)

select * from model_calibration
