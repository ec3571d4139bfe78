{{ config(tags=['decision_cases']) }}

-- Every score and every limit above 0 has exactly one strategy: bands of each axis begin
-- where the one below ends, and every pair of bands stands there once.
with scores as (

    select distinct
        qualification,
        score_from,
        score_to
    from {{ ref('transaction_strategies') }}

),

limits as (

    select distinct
        limit_band,
        limit_from,
        limit_to
    from {{ ref('transaction_strategies') }}

),

edges as (

    select
        'score' as axis,
        score_from as band_from,
        lag(score_to) over steps as below,
        row_number() over steps as place
    from scores
    window
        steps as (
            order by score_from nulls first
        )
    union all
    select
        'limit' as axis,
        limit_from as band_from,
        lag(limit_to) over steps as below,
        row_number() over steps as place
    from limits
    window
        steps as (
            order by limit_from nulls first
        )

),

pairs as (

    select
        scores.qualification,
        limits.limit_band
    from scores
    cross join limits

)

select
    axis,
    cast(place as varchar) as found
from edges
where
    (place = 1 and band_from is not null)
    or (place > 1 and coalesce(band_from <> below, true))
union all
select
    pairs.qualification,
    pairs.limit_band
from pairs
left join {{ ref('transaction_strategies') }} as strategies
    on
        pairs.qualification = strategies.qualification
        and pairs.limit_band = strategies.limit_band
where strategies.strategy is null
