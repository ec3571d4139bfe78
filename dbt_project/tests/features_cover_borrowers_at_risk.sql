-- Borrower-months that have features but are not at risk, or the other way round: the
-- rule that looks one month ahead must be that of the marts.
with features as (

    select
        borrower_key,
        month
    from {{ ref('feat_borrower_month') }}
    where is_event is not null

),

at_risk as (

    select
        borrower_key,
        month
    from {{ ref('fct_borrower_month') }}
    where is_at_risk

),

rebuild_window as (

    select horizon from {{ ref('int_rebuild_window') }}

),

-- No outcome in a month that is built.
without_outcome as (

    select
        features.borrower_key,
        features.month
    from {{ ref('feat_borrower_month') }} as features
    cross join rebuild_window
    where features.is_event is null and features.month <= rebuild_window.horizon

),

without_risk as (

    select
        features.borrower_key,
        features.month
    from features
    left join at_risk
        on
            features.borrower_key = at_risk.borrower_key
            and features.month = at_risk.month
    where at_risk.borrower_key is null

),

without_features as (

    select
        at_risk.borrower_key,
        at_risk.month
    from at_risk
    left join features
        on
            at_risk.borrower_key = features.borrower_key
            and at_risk.month = features.month
    where features.borrower_key is null

)

select * from without_outcome
union all
select * from without_risk
union all
select * from without_features
