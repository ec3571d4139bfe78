{{ config(materialized='view') }}

with loan_events as (

    select * from {{ ref('int_loan_event') }}

),

loans as (

    select * from {{ ref('int_loan') }}

),

repayments as (

    select * from {{ ref('int_repayment') }}

),

restructurings as (

    select
        loans.loan_no,
        loans.principal,
        loans.principal_share,
        loan_events.occurred_on,
        loan_events.amount
    from loan_events
    inner join loans on loan_events.loan_no = loans.loan_no
    where loan_events.kind = 'restructured' and loan_events.amount is not null

),

with_payments as (

    select
        restructurings.loan_no,
        restructurings.occurred_on,
        restructurings.principal,
        restructurings.principal_share,
        restructurings.amount,
        coalesce(sum(repayments.paid_amount), 0) as paid_before
    from restructurings
    left join repayments
        on
            restructurings.loan_no = repayments.loan_no
            and restructurings.occurred_on >= repayments.paid_on
    group by
        restructurings.loan_no,
        restructurings.occurred_on,
        restructurings.principal,
        restructurings.principal_share,
        restructurings.amount

),

-- With this added to the principal, what is still owed on the day equals the new amount.
shifted as (

    select
        loan_no,
        occurred_on,
        cast(
            round(amount - principal + principal_share * paid_before, 6)
            as decimal(24, 6)
        ) as total_shift
    from with_payments

),

int_restructuring as (

    select
        loan_no,
        occurred_on,
        cast(
            total_shift
            - coalesce(lag(total_shift) over by_day, 0)
            as decimal(24, 6)
        ) as principal_shift,
        {{ month_number('occurred_on') }} as month_no
    from shifted
    window
        by_day as (
            partition by loan_no
            order by occurred_on
        )

)

select * from int_restructuring
