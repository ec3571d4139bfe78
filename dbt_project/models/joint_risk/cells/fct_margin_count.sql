with request as (
    select * from {{ source('audit', 'joint_request') }}
),

residuals as (
    select * from {{ ref('residual') }}
),

binned as (
    select
        residuals.month,
        {{ margin_bin('residuals.quantile_residual') }} as bin
    from residuals
    cross join request
    where residuals.month <= request.month
),

fct_margin_count as (
    select
        month,
        bin,
        bin / {{ margin_bins_per_unit() }}e0 as tail_from,
        case
            when bin < {{ last_margin_bin() }}
                then (bin + 1) / {{ margin_bins_per_unit() }}e0
        end as tail_to,
        count(*) as n
    from binned
    group by month, bin
)

select * from fct_margin_count
