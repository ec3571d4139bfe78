with

previous_loans as (
    select * from {{ ref('base_superlender__previous_loans') }}
),

current_loans as (
    select * from {{ ref('base_superlender__current_loans') }}
),

accepted as (
    select
        loan_key,
        borrower_key,
        customerid,
        referredby,
        creationdate,
        approveddate,
        loanamount,
        totaldue,
        termdays,
        closeddate,
        firstduedate,
        firstrepaiddate,
        cast(null as varchar) as reported_outcome,
        _batch,
        _landed_at
    from previous_loans
    where _status = 'accepted'
    union all
    select
        loan_key,
        borrower_key,
        customerid,
        referredby,
        creationdate,
        approveddate,
        loanamount,
        totaldue,
        termdays,
        cast(null as timestamp) as closeddate,
        cast(null as timestamp) as firstduedate,
        cast(null as timestamp) as firstrepaiddate,
        good_bad_flag as reported_outcome,
        _batch,
        _landed_at
    from current_loans
    where _status = 'accepted'
),

stg_superlender__delivered_loans as (
    select
        loan_key,
        borrower_key,
        -- Eight loans name the customer as its own referrer: nobody else sent it.
        case
            when referredby is null or referredby = customerid then 'direct'
            else 'referred'
        end as channel,
        -- creationdate is in UTC and every other time an hour ahead of it, in Lagos time.
        creationdate + interval '1 hour' as requested_at,
        approveddate as approved_at,
        loanamount as principal,
        totaldue as total_due,
        termdays as term_days,
        cast(greatest(floor(termdays / 30.0), 1) as integer) as instalments,
        cast(firstduedate as date) as first_due_on,
        firstrepaiddate as first_repaid_at,
        closeddate as closed_at,
        reported_outcome,
        _batch,
        _landed_at
    from accepted
)

select * from stg_superlender__delivered_loans
