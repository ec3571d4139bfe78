with

delivered as (
    select * from {{ ref('base_xente__applications') }}
),

-- One row per request: the paybacks of its loan only repeat what is said of it.
ranked as (
    select
        *,
        row_number() over (
            partition by application_key
            order by _landed_at desc, paidondate desc, _file desc, _row desc
        ) as place
    from delivered
    where _status = 'accepted'
),

stg_xente__requests as (
    select
        application_key,
        case when issueddateloan is not null then loan_key end as loan_key,
        borrower_key,
        -- The loan is booked seconds before the purchase it pays, or after a first try.
        least(transactionstarttime, coalesce(issueddateloan, transactionstarttime))
            as requested_at,
        issueddateloan as issued_at,
        coalesce(duedate, issueddateloan + interval '30 days') as due_at,
        value as amount,
        transactionstatus = '1' as is_accepted,
        coalesce(subscriptionid, 'unknown') as channel,
        coalesce(productcategory, 'unknown') as industry,
        case isdefaulted when '1' then 'bad' when '0' then 'good' end as reported_outcome,
        paidondate is not null as is_outcome_known,
        _batch,
        _landed_at
    from ranked
    where place = 1
)

select * from stg_xente__requests
