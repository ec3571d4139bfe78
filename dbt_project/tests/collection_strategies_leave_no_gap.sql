{{ config(tags=['overdue_case']) }}

-- Bands of each rating begin at 0, follow each other, and have no upper end.
with placed as (

    select
        rating,
        strategy,
        amount_from,
        amount_to,
        lag(amount_to) over by_amount as amount_below,
        row_number() over by_amount as place,
        lead(amount_from) over by_amount as amount_above
    from {{ ref('collection_strategies') }}
    window
        by_amount as (
            partition by rating
            order by amount_from
        )

)

select
    rating,
    strategy
from placed
where
    (place = 1 and amount_from <> 0)
    or (place > 1 and (amount_below is null or amount_below <> amount_from))
    or (amount_above is null and amount_to is not null)
union all
select
    ratings.rating,
    cast(null as varchar) as strategy
from (
    select 'low' as rating
    union all
    select 'medium' as rating
    union all
    select 'high' as rating
) as ratings
left join placed on ratings.rating = placed.rating
where placed.rating is null
