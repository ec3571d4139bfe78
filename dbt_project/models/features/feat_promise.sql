{{ config(materialized='view') }}

with contacts as (

    select
        contact_key,
        borrower_key,
        promised_amount,
        promised_on,
        cast(contacted_at as date) as contacted_on
    from {{ ref('fct_collection') }}

),

repayments as (

    select * from {{ ref('int_repayment') }}

),

loans as (

    select * from {{ ref('int_loan') }}

),

promises as (

    select * from contacts
    where promised_amount > 0 and promised_on >= contacted_on

),

-- In order of days: a promise is made, payments come, it falls due. What was paid between
-- is the difference of two running sums.
movements as (

    select
        borrower_key,
        contact_key,
        contacted_on as moved_on,
        0 as place,
        cast(0 as decimal(18, 2)) as paid_amount
    from promises
    union all
    select
        loans.borrower_key,
        cast(null as varchar) as contact_key,
        repayments.paid_on as moved_on,
        1 as place,
        repayments.paid_amount
    from repayments
    inner join loans on repayments.loan_no = loans.loan_no
    where repayments.paid_on is not null
    union all
    select
        borrower_key,
        contact_key,
        promised_on as moved_on,
        2 as place,
        cast(0 as decimal(18, 2)) as paid_amount
    from promises

),

running as (

    select
        contact_key,
        place,
        sum(paid_amount) over (
            partition by borrower_key
            order by moved_on, place
            range between unbounded preceding and current row
        ) as paid_so_far
    from movements

),

paid_between as (

    select
        contact_key,
        max(case when place = 2 then paid_so_far end)
        - max(case when place = 0 then paid_so_far end) as paid_amount
    from running
    where contact_key is not null
    group by contact_key

),

feat_promise as (

    select
        promises.contact_key,
        promises.borrower_key,
        promises.promised_on,
        promises.promised_amount,
        paid_between.paid_amount,
        case
            when {{ is_settled_by(
                'paid_between.paid_amount', 'promises.promised_amount'
            ) }} then false
            else true
        end as is_broken
    from promises
    inner join paid_between on promises.contact_key = paid_between.contact_key

)

select * from feat_promise
