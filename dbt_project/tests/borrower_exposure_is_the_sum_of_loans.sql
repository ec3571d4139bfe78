-- By month and group of borrowers: a group is cheap, and shows what moves between them.
with loans as (

    select
        month,
        {{ row_hash(['borrower_key']) }} % 1000 as borrower_group,
        sum(exposure) as exposure,
        count(*) as loans,
        count(case when is_at_risk then 1 end) as loans_at_risk
    from {{ ref('fct_loan_month') }}
    group by 1, 2

),

borrowers as (

    select
        month,
        {{ row_hash(['borrower_key']) }} % 1000 as borrower_group,
        sum(exposure) as exposure,
        sum(loans) as loans,
        sum(loans_at_risk) as loans_at_risk
    from {{ ref('fct_borrower_month') }}
    group by 1, 2

)

select
    loans.month,
    borrowers.month as borrower_month,
    loans.exposure as loan_exposure,
    borrowers.exposure as borrower_exposure
from loans
full outer join borrowers
    on
        loans.month = borrowers.month
        and loans.borrower_group = borrowers.borrower_group
where
    (
        loans.exposure = borrowers.exposure
        and loans.loans = borrowers.loans
        and loans.loans_at_risk = borrowers.loans_at_risk
    ) is not true
