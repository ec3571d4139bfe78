-- Months whose counts are not those of the residuals: every borrower-month of the window
-- stands in one cell, and every residual up to the run's month in one bin.
with request as (

    select * from {{ source('audit', 'joint_request') }}

),

residuals as (

    select
        residuals.month,
        residuals.month >= request.from_month as is_in_window,
        count(*) as n,
        sum(case when residuals.is_event then 1 else 0 end) as events
    from {{ ref('residual') }} as residuals
    cross join request
    where residuals.month <= request.month
    group by residuals.month, request.from_month

),

cells as (

    select
        month,
        sum(n) as n,
        sum(events) as events
    from {{ ref('fct_copula_cell') }}
    group by month

),

bins as (

    select
        month,
        sum(n) as n
    from {{ ref('fct_margin_count') }}
    group by month

)

select
    coalesce(residuals.month, cells.month, bins.month) as month,
    residuals.n as residuals,
    cells.n as borrowers_in_cells,
    bins.n as residuals_in_bins,
    residuals.events,
    cells.events as events_in_cells
from residuals
full outer join cells on residuals.month = cells.month
full outer join bins on residuals.month = bins.month
where
    residuals.n is null
    or residuals.n <> coalesce(bins.n, 0)
    or (residuals.is_in_window and residuals.n <> coalesce(cells.n, 0))
    or (residuals.is_in_window and residuals.events <> coalesce(cells.events, 0))
    or (not residuals.is_in_window and cells.n is not null)
