with cases as (

    select * from {{ ref('feat_overdue_case') }}

),

overdue_outcome as (

    select
        borrower_key,
        as_of,
        outcome_known_on,
        overdue_amount,
        repaid_amount,
        is_repaid
    from cases
    where is_repaid is not null

)

select * from overdue_outcome
