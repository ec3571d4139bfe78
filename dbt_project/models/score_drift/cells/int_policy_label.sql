{{ config(schema='intermediate') }}

with request as (

    select * from {{ source('audit', 'drift_request') }}

),

applications as (

    select features.*
    from {{ ref('feat_application') }} as features
    cross join request
    where features.cohort_month between request.first_month and request.month

),

review_rules as (

    select * from {{ ref('review_rules') }}

),

credit_value_rules as (

    select * from {{ ref('credit_value_rules') }}

),

channels as (

    select * from {{ ref('int_channel_quality') }}

),

credit_values as ({{ rule_tree('credit_value_rules', 'applications') }}),

reviews as ({{ rule_tree('review_rules', 'applications') }}),

capable as (

    select
        applications.application_key,
        applications.cohort_month,
        applications.channel,
        applications.requested_amount,
        credit_values.value as credit_value,
        reviews.value as review_value,
        case
            when
                coalesce(
                    applications.monthly_income,
                    applications.other_income,
                    applications.liquid_assets
                ) is not null
                then
                    request.capability_income_months * (
                        coalesce(applications.monthly_income, 0)
                        + coalesce(applications.other_income, 0)
                    )
                    + request.capability_liquid_share
                    * coalesce(applications.liquid_assets, 0)
        end as capability
    from applications
    cross join request
    left join credit_values
        on applications.application_key = credit_values.application_key
    left join reviews on applications.application_key = reviews.application_key

),

-- Nobody is incapable of nothing. What is not known is no capability: `least` passes over
-- null in some databases and gives null in others.
matched as (

    select
        *,
        case
            when capability is null or requested_amount is null then null
            when requested_amount <= 0 or capability >= requested_amount then 1e0
            else capability / requested_amount
        end as capability_match
    from capable

),

valued as (

    select
        matched.*,
        -- The mean of what is known: a half that is not is left out, never taken for 0.
        (
            coalesce(request.credit_value_weight * matched.credit_value, 0e0)
            + coalesce(request.capability_weight * matched.capability_match, 0e0)
        ) / nullif(
            case
                when matched.credit_value is null then 0e0
                else request.credit_value_weight
            end
            + case
                when matched.capability_match is null then 0e0
                else request.capability_weight
            end,
            0e0
        ) as policy_value,
        request.review_cutoff
    from matched
    cross join request

),

-- Ranked within the month, and cut off by what was known before it began: neither what is
-- applied for later nor how later loans turn out moves a label.
ranked as (

    select
        *,
        case
            when policy_value is not null
                then (
                    rank() over (
                        partition by
                            channel,
                            cohort_month,
                            case when policy_value is null then 0 else 1 end
                        order by policy_value desc
                    ) - 0.5e0
                ) / count(policy_value) over (partition by channel, cohort_month)
        end as rank_share
    from valued

),

labelled as (

    select
        ranked.*,
        channels.pass_share,
        case
            when ranked.rank_share <= channels.pass_share then 'good'
            when ranked.rank_share > channels.pass_share then 'bad'
        end as first_label,
        case
            when ranked.review_value >= ranked.review_cutoff then 'good'
            when ranked.review_value < ranked.review_cutoff then 'bad'
        end as second_label
    from ranked
    inner join channels
        on
            ranked.channel = channels.channel
            and ranked.cohort_month = channels.cohort_month

),

int_policy_label as (

    select
        application_key,
        credit_value,
        capability,
        capability_match,
        policy_value,
        rank_share,
        pass_share,
        first_label,
        review_value,
        second_label,
        case
            when first_label = 'bad' or second_label = 'bad' then 'bad'
            when first_label = 'good' and second_label = 'good' then 'good'
        end as policy_label
    from labelled

)

select * from int_policy_label
