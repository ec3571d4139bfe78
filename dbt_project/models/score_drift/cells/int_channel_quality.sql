{{ config(schema='intermediate') }}

with request as (

    select * from {{ source('audit', 'drift_request') }}

),

applications as (

    select
        features.channel,
        features.cohort_month,
        case
            when features.is_mature and features.outcome_known_on is not null
                then {{ month_number('features.outcome_known_on') }}
        end as known_month_no,
        case when features.is_bad then 0 else 1 end as is_good
    from {{ ref('feat_application') }} as features
    cross join request
    where features.cohort_month between request.first_month and request.month

),

known as (

    select
        channel,
        known_month_no,
        count(*) as n,
        sum(is_good) as n_good
    from applications
    where known_month_no is not null
    group by channel, known_month_no

),

months as (

    select distinct cohort_month from applications

),

names as (

    select distinct channel from applications

),

cohorts as (

    select
        names.channel,
        months.cohort_month,
        {{ month_number('months.cohort_month') }} as month_no
    from months
    cross join names

),

-- Of each cohort only what was known before its month began, so that a label stays what
-- it was, whatever the months after it bring and whichever of them is run.
channels as (

    select
        cohorts.channel,
        cohorts.cohort_month,
        max(request.channel_prior_loans) as channel_prior_loans,
        max(request.pass_share) as base_pass_share,
        cast(coalesce(sum(known.n), 0) as bigint) as n_loans,
        cast(coalesce(sum(known.n_good), 0) as bigint) as n_good
    from cohorts
    cross join request
    left join known
        on
            cohorts.channel = known.channel
            and cohorts.month_no > known.known_month_no
    group by cohorts.channel, cohorts.cohort_month

),

-- Half a loan more of either outcome keeps odds finite.
compared as (

    select
        *,
        (sum(n_good) over (partition by cohort_month) + 0.5e0)
        / (sum(n_loans) over (partition by cohort_month) + 1e0) as lender_quality
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
        cohort_month,
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
