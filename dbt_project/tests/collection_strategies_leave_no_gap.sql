{{ config(tags=['overdue_case']) }}

-- Bands of each rating begin at 0, follow each other, and have no upper end.
with placed as (

    select
        rating,
        strategy,
        amount_from,
        amount_to,
        lag(amount_to) over (partition by rating order by amount_from) as amount_below,
        row_number() over (partition by rating order by amount_from) as place,
        row_number() over (partition by rating order by amount_from desc) as from_top
    from {{ ref('collection_strategies') }}

)

select
    rating,
    strategy
from placed
where
    (place = 1 and amount_from <> 0)
    or (place > 1 and (amount_below is null or amount_below <> amount_from))
    or (from_top = 1 and amount_to is not null)
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
