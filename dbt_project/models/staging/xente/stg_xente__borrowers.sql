with

requests as (
    select * from {{ ref('stg_xente__requests') }}
),

payments as (
    select * from {{ ref('base_xente__payment_transactions') }}
),

-- The first purchase on credit says what a customer buys; later ones must not, since they
-- come after the loans it is to explain.
first_requests as (
    select
        borrower_key,
        industry,
        requested_at,
        row_number() over (
            partition by borrower_key
            order by requested_at, application_key
        ) as place
    from requests
),

-- There is no file of customers: they are who asks for credit or pays.
mentions as (
    select
        borrower_key,
        requested_at as seen_at,
        _batch,
        _landed_at
    from requests
    union all
    select
        borrower_key,
        transactionstarttime as seen_at,
        _batch,
        _landed_at
    from payments
    where _status = 'accepted'
),

customers as (
    select
        borrower_key,
        min(seen_at) as registered_at,
        max(_batch) as _batch,
        max(_landed_at) as _landed_at
    from mentions
    group by borrower_key
),

stg_xente__borrowers as (
    select
        customers.borrower_key,
        'person' as kind,
        cast(null as integer) as birth_year,
        'Uganda' as region,
        coalesce(first_requests.industry, 'unknown') as industry,
        customers.registered_at,
        cast(null as decimal(18, 2)) as monthly_income,
        cast(null as decimal(18, 2)) as other_income,
        cast(null as integer) as employment_months,
        cast(null as decimal(18, 2)) as liquid_assets,
        cast(null as decimal(18, 2)) as fixed_assets,
        cast(null as decimal(18, 2)) as house_value,
        cast(null as decimal(18, 2)) as vehicle_value,
        cast(null as decimal(18, 2)) as company_assets,
        cast(null as double) as personal_credit_score,
        cast(null as double) as family_credit_score,
        cast(null as double) as company_credit_score,
        customers._batch,
        customers._landed_at
    from customers
    left join first_requests
        on
            customers.borrower_key = first_requests.borrower_key
            and first_requests.place = 1
)

select * from stg_xente__borrowers
