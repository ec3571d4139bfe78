with

delivered as (
    select * from {{ ref('base_xente__applications') }}
),

-- The item bought is chosen before the decision; every row of a request repeats it.
stg_xente__application_attributes as (
    select
        application_key,
        min(productid) as product
    from delivered
    where _status = 'accepted'
    group by application_key
)

select * from stg_xente__application_attributes
