{{ config(schema='intermediate') }}

with request as (

    select
        *,
        {{ month_start(month_number('month') ~ ' + 1') }} as known_before
    from {{ source('audit', 'drift_request') }}

),

applications as (

    select
        features.channel,
        case when features.is_bad then 0e0 else 1e0 end as is_good,
        request.channel_prior_loans,
        request.pass_share,
        {{ is_outcome_known('features', 'request.known_before', 'builds.horizon') }}
            as is_known
    from {{ ref('feat_application') }} as features
    cross join request
    cross join {{ source('audit', 'build_request') }} as builds
    where features.cohort_month between request.first_month and request.month

),

channels as (

    select
        channel,
        max(channel_prior_loans) as channel_prior_loans,
        max(pass_share) as base_pass_share,
        cast(sum(case when is_known then 1 else 0 end) as bigint) as n_loans,
        cast(sum(case when is_known then is_good else 0e0 end) as bigint) as n_good
    from applications
    group by channel

),

-- Half a loan more of either outcome keeps odds finite.
compared as (

    select
        *,
        (sum(n_good) over () + 0.5e0) / (sum(n_loans) over () + 1e0) as lender_quality
    from channels

),

rated as (

    select
        *,
        (n_good + channel_prior_loans * lender_quality + 0.5e0)
        / (n_loans + channel_prior_loans + 1e0) as quality
    from compared

),

int_channel_quality as (

    select
        channel,
        n_loans,
        n_good,
        lender_quality,
        quality,
        1e0 / (
            1e0
            + (1e0 - base_pass_share) / base_pass_share
            * (1e0 - quality) / quality
            * lender_quality / (1e0 - lender_quality)
        ) as pass_share
    from rated

)

select * from int_channel_quality
