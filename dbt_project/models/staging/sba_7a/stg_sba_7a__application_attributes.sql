with

delivered as (
    select * from {{ ref('base_sba_7a__loans') }}
),

-- Of all that the file holds, only what stood on the request. Term, charge-off and status
-- say how the loan ended.
stg_sba_7a__application_attributes as (
    select
        loan_key as application_key,
        noemp as employees,
        case newexist when '2' then true when '1' then false end as is_new_business,
        {{ parse_integer('franchisecode') }} > 1 as is_franchise,
        case urbanrural when '1' then 'urban' when '2' then 'rural' else 'unknown' end
            as location_kind,
        is_revolving,
        is_low_doc,
        cast(sba_appv as double) / nullif(cast(grappv as double), 0) as guaranteed_share,
        createjob as jobs_created,
        retainedjob as jobs_retained,
        upper(trim(bankstate)) = state as is_lender_in_state
    from delivered
    where _status = 'accepted'
)

select * from stg_sba_7a__application_attributes
