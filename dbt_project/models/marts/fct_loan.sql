with loans as (

    select * from {{ ref('int_loan') }}

),

lives as (

    select * from {{ ref('int_loan_life') }}

),

loan_months as (

    select * from {{ ref('int_loan_month') }}

),

rebuild_window as (

    select
        {{ month_number('horizon') }} as last_built_no,
        {{ month_end(month_number('horizon')) }} as known_until
    from {{ ref('int_rebuild_window') }}

),

last_months as (

    select
        loan_months.loan_no,
        loan_months.exposure,
        loan_months.days_past_due
    from loan_months
    inner join rebuild_window on loan_months.month_no = rebuild_window.last_built_no

),

-- What the last built month does not know yet is left out.
known as (

    select
        lives.loan_no,
        lives.disbursed_on <= rebuild_window.known_until as is_disbursed,
        case
            when lives.closed_on <= rebuild_window.known_until then lives.closed_on
        end as closed_on,
        case
            when lives.closed_on <= rebuild_window.known_until then lives.exit_reason
        end as exit_reason,
        case
            when lives.event_on <= rebuild_window.known_until then lives.event_on
        end as event_on,
        case
            when lives.event_on <= rebuild_window.known_until then lives.event_kind
        end as event_kind
    from lives
    cross join rebuild_window

),

fct_loan as (

    select
        loans.loan_key,
        loans.borrower_key,
        loans.application_key,
        loans.principal,
        loans.annual_rate,
        loans.term_months,
        loans.cycle_days,
        loans.instalment_count,
        loans.principal_share,
        loans.disbursed_on,
        loans.matures_on,
        loans.reported_outcome,
        loans.observed_until,
        known.closed_on,
        known.exit_reason,
        known.event_on,
        known.event_kind,
        known.is_disbursed and known.closed_on is null as is_open,
        coalesce(last_months.exposure, 0) as exposure,
        coalesce(last_months.days_past_due, 0) as days_past_due
    from loans
    inner join known on loans.loan_no = known.loan_no
    left join last_months on loans.loan_no = last_months.loan_no

)

select * from fct_loan
