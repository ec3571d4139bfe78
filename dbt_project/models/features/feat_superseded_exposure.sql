-- Few loans are delivered anew: of all others the exposure of the marts stands.
with superseded as (

    select * from {{ ref('feat_loan_delivery') }}
    where superseded_on < cast('9999-12-31' as date)

),

loans as (

    select * from {{ ref('int_loan') }}

),

repayments as (

    select * from {{ ref('int_repayment') }}

),

restructurings as (

    select * from {{ ref('int_loan_event') }}
    where kind = 'restructured' and amount is not null

),

numbered_months as (

    select
        loan_key,
        {{ month_number('month') }} as month_no
    from {{ ref('fct_loan_month') }}
    where not is_closed

),

loan_months as (

    select
        superseded.loan_no,
        superseded.principal,
        superseded.principal_share,
        loan_months.month_no
    from numbered_months as loan_months
    inner join loans on loan_months.loan_key = loans.loan_key
    inner join superseded
        on
            loans.loan_no = superseded.loan_no
            and {{ is_known_on('superseded', month_start('loan_months.month_no + 1')) }}

),

-- A restructuring says what was owed on its day; else it is what was lent.
last_restructurings as (

    select
        loan_months.loan_no,
        loan_months.month_no,
        max(restructurings.occurred_on) as occurred_on,
        max_by(restructurings.amount, restructurings.occurred_on) as amount
    from loan_months
    inner join restructurings
        on
            loan_months.loan_no = restructurings.loan_no
            and loan_months.month_no
            >= {{ month_number('restructurings.occurred_on') }}
    group by loan_months.loan_no, loan_months.month_no

),

started as (

    select
        loan_months.loan_no,
        loan_months.month_no,
        loan_months.principal_share,
        restructured.occurred_on,
        coalesce(restructured.amount, loan_months.principal) as owed_at_start
    from loan_months
    left join last_restructurings as restructured
        on
            loan_months.loan_no = restructured.loan_no
            and loan_months.month_no = restructured.month_no

),

paid_since as (

    select
        started.loan_no,
        started.month_no,
        sum(repayments.paid_amount) as paid_amount
    from started
    inner join repayments
        on
            started.loan_no = repayments.loan_no
            and started.month_no >= {{ month_number('repayments.paid_on') }}
            and (
                started.occurred_on is null
                or started.occurred_on < repayments.paid_on
            )
    group by started.loan_no, started.month_no

),

feat_superseded_exposure as (

    select
        started.loan_no,
        started.month_no,
        {{ outstanding_principal(
            'started.owed_at_start',
            '0',
            'started.principal_share',
            'coalesce(paid_since.paid_amount, 0)'
        ) }} as exposure
    from started
    left join paid_since
        on
            started.loan_no = paid_since.loan_no
            and started.month_no = paid_since.month_no

)

select * from feat_superseded_exposure
