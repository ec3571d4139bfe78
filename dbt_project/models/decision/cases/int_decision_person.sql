with applications as (

    select
        application_key,
        borrower_key,
        cast(applied_at as date) as applied_on
    from {{ ref('fct_application') }}

),

persons as (

    select * from {{ source('identity', 'identity_person') }}

),

own as (

    select
        application_key,
        borrower_key,
        applied_on,
        borrower_key as known_as
    from applications

),

-- From the day both had come to the lender, whichever of the keys applies.
others as (

    select
        applications.application_key,
        applications.borrower_key,
        applications.applied_on,
        persons.known_as
    from applications
    inner join persons
        on
            applications.borrower_key = persons.borrower_key
            and applications.applied_on >= persons.known_from

),

int_decision_person as (

    select * from own
    union all
    select * from others

)

select * from int_decision_person
