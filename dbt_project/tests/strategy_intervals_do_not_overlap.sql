{{ config(tags=['default_response']) }}

-- Two strategies for one index would both be carried out.
with strategies as (
    select * from {{ ref('risk_strategies') }}
)

select
    earlier.strategy as earlier_strategy,
    later.strategy as later_strategy,
    later.index_from
from strategies as earlier
inner join strategies as later
    on
        earlier.index_from <= later.index_from
        and (
            earlier.strategy <> later.strategy
            or earlier.index_from < later.index_from
        )
where earlier.index_to is null or later.index_from < earlier.index_to
