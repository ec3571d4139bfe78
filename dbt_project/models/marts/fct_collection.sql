with collections as (

    select * from {{ staged('collections') }}

),

fct_collection as (

    select
        contact_key,
        borrower_key,
        contacted_at,
        medium,
        outcome,
        promised_amount,
        promised_on
    from collections

)

select * from fct_collection
