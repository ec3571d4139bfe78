with business_adjustments as (

    select * from {{ staged('business_adjustments') }}

),

fct_business_adjustment as (

    select
        adjustment_key,
        adjusted_on,
        kind,
        magnitude,
        description
    from business_adjustments

)

select * from fct_business_adjustment
