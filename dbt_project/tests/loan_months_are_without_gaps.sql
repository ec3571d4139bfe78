-- Every loan has a row for each month from its disbursement to its end: no more, no less.
with last_built as (

    select {{ month_number('horizon') }} as month_no
    from {{ ref('int_rebuild_window') }}

),

expected as (

    select
        sum(
            least({{ month_number('loans.closed_on') }}, last_built.month_no)
            - {{ month_number('loans.disbursed_on') }} + 1
        ) as months
    from {{ ref('fct_loan') }} as loans
    cross join last_built
    where {{ month_number('loans.disbursed_on') }} <= last_built.month_no

),

built as (

    select count(*) as months
    from {{ ref('fct_loan_month') }}

)

select
    expected.months as months_expected,
    built.months as months_built
from expected
cross join built
where coalesce(expected.months, 0) <> built.months
