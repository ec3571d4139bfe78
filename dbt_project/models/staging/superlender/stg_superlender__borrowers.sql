with

demographics as (
    select * from {{ ref('base_superlender__demographics') }}
),

loans as (
    select * from {{ ref('stg_superlender__delivered_loans') }}
),

described as (
    select
        *,
        -- Nigeria lies between 2.6 and 14.7 degrees east, 4.2 and 13.9 degrees north.
        longitude_gps between 2.6 and 14.7 and latitude_gps between 4.2 and 13.9
            as is_in_nigeria,
        cast(floor(longitude_gps) as integer) as degrees_east,
        cast(floor(latitude_gps) as integer) as degrees_north
    from demographics
    where _status = 'accepted'
),

-- A quarter of the customers with loans have no demographics; they borrow all the same.
mentions as (
    select
        borrower_key,
        requested_at,
        _batch,
        _landed_at
    from loans
    union all
    select
        borrower_key,
        cast(null as timestamp) as requested_at,
        _batch,
        _landed_at
    from described
),

customers as (
    select
        borrower_key,
        min(requested_at) as registered_at,
        max(_batch) as _batch,
        max(_landed_at) as _landed_at
    from mentions
    group by borrower_key
),

stg_superlender__borrowers as (
    select
        customers.borrower_key,
        'person' as kind,
        cast(extract(year from described.birthdate) as integer) as birth_year,
        -- Cells of one degree, about 110 km, named by their south-west corner.
        case
            when described.is_in_nigeria
                then
                    'N' || lpad(cast(described.degrees_north as varchar), 2, '0')
                    || ' E' || lpad(cast(described.degrees_east as varchar), 3, '0')
            when not described.is_in_nigeria then 'outside Nigeria'
            else 'unknown'
        end as region,
        'unknown' as industry,
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
    left join described
        on customers.borrower_key = described.borrower_key
)

select * from stg_superlender__borrowers
