with repayments as (

    select * from {{ ref('int_repayment') }}

),

restructurings as (

    select * from {{ ref('int_restructuring') }}

),

arrears as (

    select * from {{ ref('int_loan_arrears') }}

),

rebuild_window as (

    select
        {{ month_number('rebuild_from') }} as from_month_no,
        {{ month_number('horizon') }} as to_month_no
    from {{ ref('int_rebuild_window') }}

),

lives as (

    select
        loans.*,
        rebuild_window.from_month_no,
        greatest(loans.first_month_no, rebuild_window.from_month_no)
            as first_row_month_no,
        least(loans.last_month_no, rebuild_window.to_month_no) as last_row_month_no
    from {{ ref('int_loan_life') }} as loans
    cross join rebuild_window
    where
        loans.first_month_no <= rebuild_window.to_month_no
        and (
            loans.last_month_no >= rebuild_window.from_month_no
            or loans.last_month_no is null
        )

),

-- What moves a loan, in order; what came before the window moves its first month.
-- Arrears, one row a month, stand last in their month, where the running sums are whole.
openings as (

    select
        loan_no,
        first_row_month_no as month_no,
        0 as place,
        cast(0 as decimal(18, 2)) as paid_amount,
        cast(0 as decimal(24, 6)) as principal_shift,
        0 as days_past_due,
        0 as days_past_due_max,
        0 as days_past_due_at_start
    from lives

),

payments as (

    select
        lives.loan_no,
        greatest({{ month_number('repayments.paid_on') }}, lives.first_row_month_no)
            as month_no,
        0 as place,
        repayments.paid_amount,
        cast(0 as decimal(24, 6)) as principal_shift,
        0 as days_past_due,
        0 as days_past_due_max,
        0 as days_past_due_at_start
    from repayments
    inner join lives on repayments.loan_no = lives.loan_no
    where {{ month_number('repayments.paid_on') }} <= lives.last_row_month_no

),

shifts as (

    select
        lives.loan_no,
        greatest(restructurings.month_no, lives.first_row_month_no) as month_no,
        0 as place,
        cast(0 as decimal(18, 2)) as paid_amount,
        restructurings.principal_shift,
        0 as days_past_due,
        0 as days_past_due_max,
        0 as days_past_due_at_start
    from restructurings
    inner join lives on restructurings.loan_no = lives.loan_no
    where restructurings.month_no <= lives.last_row_month_no

),

lateness as (

    select
        loan_no,
        month_no,
        1 as place,
        cast(0 as decimal(18, 2)) as paid_amount,
        cast(0 as decimal(24, 6)) as principal_shift,
        days_past_due,
        days_past_due_max,
        days_past_due_at_start
    from arrears

),

movements as (

    select * from openings
    union all
    select * from payments
    union all
    select * from shifts
    union all
    select * from lateness

),

running as (

    select
        loan_no,
        month_no,
        days_past_due,
        days_past_due_max,
        days_past_due_at_start,
        sum(paid_amount) over so_far as paid_amount,
        sum(principal_shift) over so_far as principal_shift,
        lead(month_no) over so_far as next_month_no
    from movements
    window so_far as (
        partition by loan_no
        order by month_no, place
        rows between unbounded preceding and current row
    )

),

-- A movement stands until the next one; followed by one of its own month it stands for
-- no month at all.
standing as (

    select
        running.loan_no,
        lives.borrower_no,
        running.month_no as moved_month_no,
        running.days_past_due,
        running.days_past_due_max,
        running.days_past_due_at_start,
        lives.first_month_no,
        lives.last_month_no,
        lives.event_month_no,
        lives.observed_month_no,
        coalesce(running.next_month_no - 1, lives.last_row_month_no) as until_month_no,
        {{ outstanding_principal(
            'lives.principal',
            'running.principal_shift',
            'lives.principal_share',
            'running.paid_amount'
        ) }} as outstanding_principal
    from running
    inner join lives on running.loan_no = lives.loan_no
    where
        running.next_month_no is null or running.next_month_no > running.month_no

),

by_month as (

    select
        *,
        {{ each_month('moved_month_no', 'until_month_no') }} as month_no
    from standing

),

int_loan_month as (

    select
        loan_no,
        borrower_no,
        month_no,
        month_no - first_month_no as months_on_book,
        case when month_no = moved_month_no then days_past_due else 0 end
            as days_past_due,
        case when month_no = moved_month_no then days_past_due_max else 0 end
            as days_past_due_max,
        case when month_no = moved_month_no then days_past_due_at_start else 0 end
            as days_past_due_at_start,
        coalesce(month_no = last_month_no, false) as is_closed,
        case
            when month_no = last_month_no then cast(0 as decimal(18, 2))
            else outstanding_principal
        end as exposure,
        month_no > first_month_no
        and (event_month_no is null or event_month_no >= month_no)
        -- Nobody knows what became of it later: neither an event nor none.
        and (observed_month_no is null or observed_month_no >= month_no)
            as is_at_risk,
        coalesce(month_no > first_month_no and month_no = event_month_no, false)
            as is_event,
        coalesce(month_no = first_month_no and month_no = event_month_no, false)
            as is_event_in_first_month
    from by_month

)

select * from int_loan_month
