-- Borrower-months of the built months that have features but are not at risk, or the other
-- way round: the rule that looks one month ahead must be that of the marts.
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

beyond as (

    select features.*
    from {{ ref('feat_borrower_month') }} as features
    cross join {{ ref('int_rebuild_window') }} as rebuild_window
    where features.is_event is null and features.month <= rebuild_window.horizon

)

select * from (select * from features except select * from at_risk) as without_risk
union all
select * from (select * from at_risk except select * from features) as without_features
union all
select
    borrower_key,
    month
from beyond
