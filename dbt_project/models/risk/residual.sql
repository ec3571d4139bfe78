with request as (
    select * from {{ source('audit', 'risk_request') }}
),

predictions as (
    select * from {{ source('risk', 'pd_prediction') }}
),

borrowers as (
    select * from {{ ref('dim_borrower') }}
),

bands as (
    select * from {{ ref('pd_band') }}
),

drawn as {{ read_once() }} (
    select
        predictions.borrower_key,
        predictions.month,
        predictions.pd,
        predictions.is_event,
        predictions.model_version,
        predictions.month between request.residual_from_month
        and request.last_month as is_in_window,
        {{ quantile_residual(
            'predictions.is_event',
            'predictions.pd',
            hash_uniform('predictions.borrower_key', 'predictions.month', 'request.seed'),
        ) }} as quantile_residual
    from predictions
    cross join request
    where predictions.is_out_of_sample
),

window_size as (
    select count(*) as n
    from drawn
    where is_in_window
),

-- The distribution function is wanted at v and at 1 - pd: one sort serves both.
points as (
    select
        borrower_key,
        month,
        false as is_margin,
        quantile_residual as place,
        case when is_in_window then 1 else 0 end as counts
    from drawn
    union all
    select
        borrower_key,
        month,
        true as is_margin,
        1 - pd as place,
        0 as counts
    from drawn
),

counted as {{ read_once() }} (
    select
        borrower_key,
        month,
        is_margin,
        sum(counts) over (
            order by place
            range between unbounded preceding and current row
        ) as n_not_above
    from points
),

band_edges as (
    {{ pd_band_edges('bands') }}
),

residual as (
    select
        drawn.borrower_key,
        drawn.month,
        drawn.is_event,
        drawn.pd,
        case when drawn.is_event then 1 else 0 end - drawn.pd as residual,
        drawn.quantile_residual,
        {{ distribution_value('at_residual.n_not_above', 'window_size.n') }} as uniform,
        1 - {{ distribution_value('at_margin.n_not_above', 'window_size.n') }} as pd_star,
        coalesce(borrowers.region, 'unknown') as region,
        coalesce(borrowers.industry, 'unknown') as industry,
        coalesce(borrowers.kind, 'unknown') as kind,
        {{ pd_band_of('drawn.pd', 'band_edges') }} as pd_band,
        drawn.is_in_window,
        drawn.model_version
    from drawn
    inner join counted as at_residual
        on
            drawn.borrower_key = at_residual.borrower_key
            and drawn.month = at_residual.month
            and not at_residual.is_margin
    inner join counted as at_margin
        on
            drawn.borrower_key = at_margin.borrower_key
            and drawn.month = at_margin.month
            and at_margin.is_margin
    left join borrowers on drawn.borrower_key = borrowers.borrower_key
    cross join window_size
    cross join band_edges
)

select * from residual
