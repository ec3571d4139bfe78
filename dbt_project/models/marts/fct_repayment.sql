with instalments as (

    select * from {{ ref('int_instalment') }}

),

loans as (

    select * from {{ ref('int_loan') }}

),

fct_repayment as (

    select
        loans.loan_key,
        instalments.instalment_no,
        instalments.due_on,
        instalments.due_amount,
        instalments.paid_amount,
        instalments.payments,
        instalments.last_paid_on,
        instalments.settled_on,
        case
            when instalments.settled_on is not null
                then greatest(
                    0, {{ days_between('instalments.due_on', 'instalments.settled_on') }}
                )
        end as days_late
    from instalments
    inner join loans on instalments.loan_no = loans.loan_no

)

select * from fct_repayment
