{{ config(materialized='view') }}

with limits as (

    select * from {{ ref('fct_credit_limit') }}

),

feat_limit_place as (

    select
        borrower_key,
        effective_on,
        credit_limit,
        cast(
            row_number() over (
                partition by borrower_key
                order by effective_on
            ) as integer
        ) as limit_place
    from limits

)

select * from feat_limit_place
