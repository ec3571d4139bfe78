with request as (

    select
        *,
        {{ month_start(month_number('month') ~ ' + 1') }} as known_before
    from {{ source('audit', 'drift_request') }}

),

builds as (

    select * from {{ source('audit', 'build_request') }}

),

applications as (

    select * from {{ ref('fct_application') }}

),

features as (

    select * from {{ ref('feat_application') }}

),

scores as (

    select * from {{ source('risk', 'score') }}

),

policies as (

    select * from {{ ref('int_policy_label') }}

),

-- What is known by the end of the run's month. A stage implies the stages before it, also
-- where clocks say otherwise.
reached as (

    select
        applications.*,
        request.known_before,
        request.score_kind,
        applications.is_disbursed
        and applications.disbursed_at < request.known_before as has_disbursed,
        applications.is_drawdown_applied
        and coalesce(applications.drawdown_applied_at, applications.disbursed_at)
        < request.known_before as has_applied_to_draw,
        applications.is_approved
        and coalesce(
            applications.decided_at,
            applications.drawdown_applied_at,
            applications.disbursed_at,
            applications.applied_at
        ) < request.known_before as has_approval,
        applications.decision = 'rejected'
        and coalesce(applications.decided_at, applications.applied_at)
        < request.known_before as has_rejection,
        applications.drawdown_decision = 'rejected'
        and coalesce(
            applications.drawdown_decided_at,
            applications.drawdown_applied_at,
            applications.applied_at
        ) < request.known_before as has_refusal,
        {{ clocks_turned('applications', [
            'applied_at', 'decided_at', 'drawdown_applied_at', 'drawdown_decided_at',
            'disbursed_at',
        ]) }} as is_out_of_order,
        coalesce(
            applications.disbursed_at < request.known_before
            and (
                applications.decision = 'rejected'
                or applications.drawdown_decision = 'rejected'
            ),
            false
        ) as is_paid_though_rejected
    from applications
    cross join request
    where
        applications.cohort_month between request.first_month and request.month

),

ended as (

    select
        *,
        case
            when has_disbursed then 'disbursed'
            when has_applied_to_draw and coalesce(has_refusal, false) then 'refused'
            when has_applied_to_draw then 'pending'
            when has_approval then 'undrawn'
            when coalesce(has_rejection, false) then 'rejected'
            else 'undecided'
        end as funnel_end
    from reached

),

-- A run of the risk models chooses one meaning of bad, and replaces all scores of before.
meaning as (

    select max(outcome_source) as outcome_source from scores

),

-- Our score foretells what it was trained on: bad by another meaning says nothing of it.
outcomes as (

    select
        ended.application_key,
        features.product,
        scores.score as own_score,
        {{ is_outcome_known('features', 'ended.known_before', 'builds.horizon') }}
        and (
            ended.score_kind <> 'own'
            or coalesce(features.outcome_source = meaning.outcome_source, true)
        ) as is_mature,
        features.is_bad,
        features.outcome_known_on is null as is_unknown
    from ended
    cross join builds
    cross join meaning
    left join features on ended.application_key = features.application_key
    left join scores on ended.application_key = scores.application_key

),

application_label as (

    select
        ended.application_key,
        ended.cohort_month,
        ended.channel,
        ended.region,
        coalesce(outcomes.product, 'unknown') as product,
        ended.funnel_end,
        ended.is_out_of_order,
        ended.is_paid_though_rejected,
        ended.score_kind,
        case ended.score_kind
            when 'lender' then ended.application_score
            else outcomes.own_score
        end as score,
        policies.credit_value,
        policies.capability,
        policies.capability_match,
        policies.policy_value,
        policies.rank_share,
        policies.pass_share,
        policies.first_label,
        policies.review_value,
        policies.second_label,
        policies.policy_label,
        case
            when ended.funnel_end <> 'disbursed' or not outcomes.is_mature then null
            when outcomes.is_bad then 'bad'
            when not outcomes.is_bad then 'good'
        end as performance_label,
        ended.funnel_end = 'disbursed' and coalesce(outcomes.is_mature, false)
            as is_mature,
        ended.funnel_end = 'disbursed' and coalesce(outcomes.is_unknown, true)
            as is_outcome_unknown
    from ended
    left join outcomes on ended.application_key = outcomes.application_key
    left join policies on ended.application_key = policies.application_key

)

select * from application_label
