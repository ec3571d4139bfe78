with request as (

    select * from {{ source('audit', 'overdue_grade_request') }}

),

instalments as (

    select * from {{ ref('int_instalment') }}

),

lives as (

    select * from {{ ref('int_loan_life') }}

),

loans as (

    select * from {{ ref('int_loan') }}

),

-- A charge-off settles nothing: what it leaves unpaid is late until it is paid.
late as (

    select
        lives.borrower_no,
        instalments.due_on,
        least(instalments.settled_on, lives.paid_in_full_on, loans.observed_until)
            as late_until
    from instalments
    inner join lives on instalments.loan_no = lives.loan_no
    inner join loans on instalments.loan_no = loans.loan_no

),

int_overdue_lateness as (

    select
        late.borrower_no,
        late.due_on,
        -- What comes after the day of the run was not known on it.
        case when late.late_until <= request.as_of then late.late_until end as late_until
    from late
    cross join request
    where
        late.due_on < request.as_of
        and (late.late_until is null or late.late_until > late.due_on)

)

select * from int_overdue_lateness
