with request as (
    select * from {{ source('audit', 'joint_request') }}
),

bands as (
    select * from {{ source('audit', 'joint_band') }}
),

borrower_months as (
    select * from {{ ref('int_copula_borrower_month') }}
),

residuals as (
    select * from {{ ref('residual') }}
),

in_window as (
    select
        borrower_months.region,
        borrower_months.industry,
        borrower_months.month,
        residuals.uniform
    from borrower_months
    inner join residuals
        on
            borrower_months.borrower_key = residuals.borrower_key
            and borrower_months.month = residuals.month
    cross join request
    where
        not borrower_months.is_ahead
        and borrower_months.month between request.from_month and request.month
),

fct_copula_band as (
    select
        in_window.region,
        in_window.industry,
        in_window.month,
        bands.band,
        count(*) as n
    from in_window
    inner join bands
        on
            in_window.uniform > bands.from_uniform
            and in_window.uniform <= bands.to_uniform
    group by in_window.region, in_window.industry, in_window.month, bands.band
)

select * from fct_copula_band
