with forecasts as (
    select * from {{ source('risk', 'pd_forecast') }}
),

window_residuals as (
    select quantile_residual
    from {{ ref('residual') }}
    where is_in_window
),

bands as (
    select * from {{ ref('pd_band') }}
),

borrowers as (
    select * from {{ ref('dim_borrower') }}
),

window_size as (
    select count(*) as n
    from window_residuals
),

points as (
    select
        cast(null as varchar(64)) as borrower_key,
        cast(null as date) as month,
        quantile_residual as place,
        1 as counts
    from window_residuals
    union all
    select
        borrower_key,
        month,
        1 - pd as place,
        0 as counts
    from forecasts
),

counted as (
    select
        borrower_key,
        month,
        sum(counts) over (
            order by place
            range between unbounded preceding and current row
        ) as n_not_above
    from points
),

band_edges as (
    {{ pd_band_edges('bands') }}
),

pd_forecast_margin as (
    select
        forecasts.borrower_key,
        forecasts.month,
        forecasts.pd,
        1 - {{ distribution_value('counted.n_not_above', 'window_size.n') }} as pd_star,
        coalesce(borrowers.region, 'unknown') as region,
        coalesce(borrowers.industry, 'unknown') as industry,
        coalesce(borrowers.kind, 'unknown') as kind,
        {{ pd_band_of('forecasts.pd', 'band_edges') }} as pd_band,
        forecasts.model_version
    from forecasts
    inner join counted
        on
            forecasts.borrower_key = counted.borrower_key
            and forecasts.month = counted.month
    left join borrowers on forecasts.borrower_key = borrowers.borrower_key
    cross join window_size
    cross join band_edges
)

select * from pd_forecast_margin
