{{ config(materialized='view', schema='intermediate') }}

with request as (
    select
        *,
        {{ month_number('month') }} as month_no
    from {{ source('audit', 'joint_request') }}
),

residuals as (
    select * from {{ ref('residual') }}
),

forecasts as (
    select * from {{ ref('pd_forecast_margin') }}
),

borrower_groups as (
    select * from {{ ref('dim_copula_group') }}
),

borrower_months as (
    select
        borrower_key,
        exposure,
        {{ month_number('month') }} as month_no
    from {{ ref('fct_borrower_month') }}
),

-- Of a value that was never counted nothing is known but that it is like the rest.
unseen as (
    select
        attribute,
        case
            when min(group_name) = max(group_name) then max(group_name) else 'other'
        end as group_name
    from borrower_groups
    group by attribute
),

forecast_months as (
    select distinct month
    from forecasts
),

predicted as (
    select
        residuals.borrower_key,
        residuals.month,
        residuals.pd,
        residuals.pd_star,
        residuals.is_event,
        residuals.region,
        residuals.industry,
        residuals.kind,
        residuals.model_version,
        false as is_ahead
    from residuals
    cross join request
    where residuals.month <= request.month
    union all
    select
        forecasts.borrower_key,
        forecasts.month,
        forecasts.pd,
        forecasts.pd_star,
        cast(null as boolean) as is_event,
        forecasts.region,
        forecasts.industry,
        forecasts.kind,
        forecasts.model_version,
        true as is_ahead
    from forecasts
    cross join request
    where {{ month_number('forecasts.month') }} = request.month_no + 1
    union all
    -- A run for an earlier month, whose forecasts were never made: what was predicted of
    -- the month after it serves, what happened in it does not.
    select
        residuals.borrower_key,
        residuals.month,
        residuals.pd,
        residuals.pd_star,
        cast(null as boolean) as is_event,
        residuals.region,
        residuals.industry,
        residuals.kind,
        residuals.model_version,
        true as is_ahead
    from residuals
    cross join request
    left join forecast_months on residuals.month = forecast_months.month
    where
        {{ month_number('residuals.month') }} = request.month_no + 1
        and forecast_months.month is null
),

valued as (
    select
        predicted.*,
        {{ month_number('predicted.month') }} as month_no,
        {{ copula_attribute('request.region_attribute', 'predicted') }} as region_value,
        {{ copula_attribute('request.industry_attribute', 'predicted') }}
            as industry_value
    from predicted
    cross join request
),

int_copula_borrower_month as (
    select
        valued.borrower_key,
        valued.month,
        valued.is_ahead,
        coalesce(regions.group_name, unseen_region.group_name, 'other') as region,
        coalesce(industries.group_name, unseen_industry.group_name, 'other')
            as industry,
        valued.pd,
        valued.pd_star,
        valued.is_event,
        cast(coalesce(borrower_months.exposure, 0) as decimal(18, 2)) as exposure,
        valued.model_version
    from valued
    left join borrower_groups as regions
        on
            valued.region_value = regions.value
            and regions.attribute = 'region'
    left join borrower_groups as industries
        on
            valued.industry_value = industries.value
            and industries.attribute = 'industry'
    left join unseen as unseen_region on unseen_region.attribute = 'region'
    left join unseen as unseen_industry on unseen_industry.attribute = 'industry'
    -- Owed at the start of the month is what was owed at the end of the one before.
    left join borrower_months
        on
            valued.borrower_key = borrower_months.borrower_key
            and valued.month_no = borrower_months.month_no + 1
)

select * from int_copula_borrower_month
