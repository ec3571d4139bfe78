-- What the loans owe together is what the last built month says.
with loans as (

    select coalesce(sum(exposure), 0) as exposure
    from {{ ref('fct_loan') }}

),

last_month as (

    select coalesce(sum(loan_months.exposure), 0) as exposure
    from {{ ref('fct_loan_month') }} as loan_months
    inner join {{ ref('int_rebuild_window') }} as rebuild_window
        on loan_months.month = rebuild_window.horizon

)

select
    loans.exposure as loan_exposure,
    last_month.exposure as last_month_exposure
from loans
cross join last_month
where loans.exposure <> last_month.exposure
