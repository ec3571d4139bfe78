-- Months whose counts are not those of the borrowers predicted: every borrower-month of
-- the window stands in one cell, and every residual up to the run's month in one bin.
with request as (

    select * from {{ source('audit', 'joint_request') }}

),

borrowers as (

    select
        borrowers.month,
        borrowers.month >= request.from_month as is_in_window,
        count(*) as n,
        sum(case when borrowers.is_event then 1 else 0 end) as events
    from {{ ref('int_copula_borrower_month') }} as borrowers
    cross join request
    where not borrowers.is_ahead
    group by borrowers.month, request.from_month

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
    coalesce(borrowers.month, cells.month, bins.month) as month,
    borrowers.n as borrowers,
    cells.n as in_cells,
    bins.n as in_bins,
    borrowers.events,
    cells.events as events_in_cells
from borrowers
full outer join cells on borrowers.month = cells.month
full outer join bins on borrowers.month = bins.month
where
    borrowers.n is null
    or borrowers.n <> coalesce(bins.n, 0)
    or (borrowers.is_in_window and borrowers.n <> coalesce(cells.n, 0))
    or (borrowers.is_in_window and borrowers.events <> coalesce(cells.events, 0))
    or (not borrowers.is_in_window and cells.n is not null)
