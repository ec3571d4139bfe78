with repayments as (

    select * from {{ ref('int_repayment') }}

),

-- Nearly all instalments are one row; only the others need sorting.
in_several_rows as (

    select distinct
        loan_no,
        instalment_no
    from repayments
    where payment_no <> 1

),

paid_at_once as (

    select
        loan_no,
        instalment_no,
        due_on,
        due_amount,
        paid_amount,
        case when paid_on is null then 0 else 1 end as payments,
        paid_on as last_paid_on,
        case
            when {{ is_settled_by('paid_amount', 'due_amount') }} then paid_on
        end as settled_on
    from repayments
    where
        not exists (
            select 1
            from in_several_rows
            where
                in_several_rows.loan_no = repayments.loan_no
                and in_several_rows.instalment_no = repayments.instalment_no
        )

),

-- All rows carry the instalment's terms; the last payment's are the newest.
running as (

    select
        repayments.loan_no,
        repayments.instalment_no,
        repayments.paid_on,
        repayments.paid_amount,
        last_value(repayments.due_on) over instalment as due_on,
        last_value(repayments.due_amount) over instalment as due_amount,
        sum(case when repayments.paid_on is not null then repayments.paid_amount end)
            over so_far
            as paid_so_far
    from repayments
    inner join in_several_rows
        on
            repayments.loan_no = in_several_rows.loan_no
            and repayments.instalment_no = in_several_rows.instalment_no
    window
        instalment as (
            partition by repayments.loan_no, repayments.instalment_no
            order by repayments.payment_no
            rows between unbounded preceding and unbounded following
        ),
        -- By day, not by row: payments of one day count together.
        so_far as (
            partition by repayments.loan_no, repayments.instalment_no
            order by repayments.paid_on
            range between unbounded preceding and current row
        )

),

paid_in_parts as (

    select
        loan_no,
        instalment_no,
        max(due_on) as due_on,
        max(due_amount) as due_amount,
        sum(paid_amount) as paid_amount,
        count(paid_on) as payments,
        max(paid_on) as last_paid_on,
        min(case when {{ is_settled_by('paid_so_far', 'due_amount') }} then paid_on end)
            as settled_on
    from running
    group by loan_no, instalment_no

),

together as (

    select * from paid_at_once
    union all
    select * from paid_in_parts

),

int_instalment as (

    select
        loan_no,
        instalment_no,
        due_on,
        due_amount,
        cast(paid_amount as decimal(18, 2)) as paid_amount,
        cast(payments as integer) as payments,
        last_paid_on,
        -- Nothing due is settled by the due day without any payment.
        case
            when {{ is_settled_by('0', 'due_amount') }}
                then least(settled_on, due_on)
            else settled_on
        end as settled_on
    from together

)

select * from int_instalment
