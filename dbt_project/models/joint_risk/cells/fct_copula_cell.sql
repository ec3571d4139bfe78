with request as (
    select * from {{ source('audit', 'joint_request') }}
),

borrower_months as (
    select * from {{ ref('int_copula_borrower_month') }}
),

in_window as (
    select
        borrower_months.region,
        borrower_months.industry,
        borrower_months.month,
        borrower_months.pd,
        borrower_months.exposure,
        borrower_months.model_version,
        {{ in_trillionths('borrower_months.pd') }} as pd_trillionths,
        {{ in_trillionths('borrower_months.pd_star') }} as pd_star_trillionths,
        case when borrower_months.is_event then 1 else 0 end as happened
    from borrower_months
    cross join request
    where
        not borrower_months.is_ahead
        and borrower_months.month between request.from_month and request.month
),

-- Expected events up to each pd; equal ones stand in one place.
placed as (
    select
        *,
        cast(
            sum(pd_trillionths) over (
                order by pd
                range between unbounded preceding and current row
            ) as double
        ) as expected_up_to,
        cast(sum(pd_trillionths) over () as double) as expected_in_all
    from in_window
),

banded as (
    select
        placed.*,
        cast(
            greatest(
                1,
                coalesce(
                    ceil(
                        placed.expected_up_to * request.pd_bands
                        / nullif(placed.expected_in_all, 0)
                    ),
                    1
                )
            ) as integer
        ) as pd_band
    from placed
    cross join request
),

fct_copula_cell as (
    select
        region,
        industry,
        month,
        pd_band,
        count(*) as n,
        cast(sum(happened) as bigint) as events,
        sum(pd_star_trillionths) / 1e12 / count(*) as mean_pd,
        sum(pd_trillionths) / 1e12 / count(*) as mean_model_pd,
        min(pd) as least_model_pd,
        max(pd) as largest_model_pd,
        sum(exposure) as exposure,
        max(model_version) as model_version
    from banded
    group by region, industry, month, pd_band
)

select * from fct_copula_cell
