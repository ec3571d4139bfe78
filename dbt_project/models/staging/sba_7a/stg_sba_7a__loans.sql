with

delivered as (
    select * from {{ ref('base_sba_7a__loans') }}
),

-- Term is not carried: for a charged-off loan it is the months the loan ran, its outcome.
stg_sba_7a__loans as (
    select
        loan_key,
        loan_key as application_key,
        loan_key as borrower_key,
        disbursementgross as principal,
        cast(null as double) as annual_rate,
        cast(null as integer) as term_months,
        disbursementdate as disbursed_on,
        cast(null as integer) as cycle_days,
        case mis_status when 'P I F' then 'good' when 'CHGOFF' then 'bad' end
            as reported_outcome,
        cast(null as date) as observed_until,
        _batch,
        _landed_at
    from delivered
    where
        _status = 'accepted'
        and disbursementdate is not null
        and disbursementgross > 0
)

select * from stg_sba_7a__loans
