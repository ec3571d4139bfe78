with request as (
    select * from {{ source('audit', 'risk_request') }}
),

predictions as (
    select * from {{ source('risk', 'pd_prediction') }}
),

window_rows as (
    select
        predictions.pd,
        predictions.is_event
    from predictions
    cross join request
    where
        predictions.is_out_of_sample
        and predictions.month between request.residual_from_month and request.last_month
),

edges as (
    select
        {{ quantiles('pd', inner_shares(pd_bands())) }} as inner_edges,
        min(pd) as pd_least,
        max(pd) as pd_largest
    from window_rows
    having count(*) > 0
),

banded as (
    select
        {{ band_of('pd', elements('inner_edges', pd_bands() - 1)) }} as pd_band,
        window_rows.pd,
        window_rows.is_event
    from window_rows
    cross join edges
),

totals as (
    select
        pd_band,
        count(*) as n,
        cast(sum(case when is_event then 1 else 0 end) as bigint) as events,
        avg(pd) as mean_pd
    from banded
    group by pd_band
),

bands as (
    {% for band in range(1, pd_bands() + 1) %}
        select
            {{ band }} as pd_band,
            {{ element('inner_edges', band - 1) if band > 1 else 'pd_least' }} as pd_from,
            {{ 'pd_largest' if loop.last else element('inner_edges', band) }} as pd_to
        from edges
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

pd_band as (
    select
        bands.pd_band,
        bands.pd_from,
        bands.pd_to,
        coalesce(totals.n, 0) as n,
        coalesce(totals.events, 0) as events,
        totals.mean_pd
    from bands
    left join totals on bands.pd_band = totals.pd_band
)

select * from pd_band
