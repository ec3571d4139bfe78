with applications as (

    select
        application_key,
        borrower_key,
        cast(applied_at as date) as applied_on
    from {{ ref('fct_application') }}

),

links as (

    select * from {{ source('identity', 'identity_link') }}

),

own as (

    select
        application_key,
        borrower_key,
        applied_on,
        borrower_key as known_as
    from applications

),

-- A link holds from the day both persons had come to the lender.
former as (

    select
        applications.application_key,
        applications.borrower_key,
        applications.applied_on,
        links.former_borrower_key as known_as
    from applications
    inner join links
        on
            applications.borrower_key = links.borrower_key
            and applications.applied_on >= links.known_from

),

int_decision_person as (

    select * from own
    union all
    select * from former

)

select * from int_decision_person
