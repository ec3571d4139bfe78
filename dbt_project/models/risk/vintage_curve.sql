-- Only what the run's month knows: a later build of the warehouse may know more.
with request as (
    select {{ month_number('month') }} as last_month_no
    from {{ source('audit', 'risk_request') }}
),

loans as (
    select
        {{ month_number('disbursed_on') }} as disbursed_no,
        {{ month_number('event_on') }} as event_no,
        {{ month_number('observed_until') }} as observed_no,
        principal
    from {{ ref('fct_loan') }}
),

known as (
    select
        cast(floor(loans.disbursed_no / 3e0) as integer) as quarter_no,
        loans.principal,
        case
            when loans.event_no <= request.last_month_no
                then loans.event_no - loans.disbursed_no
        end as event_age,
        least(
            request.last_month_no, coalesce(loans.observed_no, request.last_month_no)
        ) - loans.disbursed_no as last_age
    from loans
    cross join request
    where loans.disbursed_no <= request.last_month_no
),

vintages as (
    select
        quarter_no,
        count(*) as loans,
        sum(principal) as principal,
        -- A point stands for the whole vintage: the youngest loan sets the end.
        min(last_age) as last_age
    from known
    group by quarter_no
),

ages as (
    select
        quarter_no,
        loans,
        principal,
        {{ each_month('0', 'last_age') }} as months_on_book
    from vintages
),

events as (
    select
        quarter_no,
        event_age,
        count(*) as events,
        sum(principal) as principal
    from known
    where event_age is not null
    group by quarter_no, event_age
),

vintage_curve as (
    select
        {{ month_start('ages.quarter_no * 3') }} as vintage,
        ages.months_on_book,
        ages.loans,
        cast(ages.principal as decimal(18, 2)) as principal,
        cast(coalesce(sum(events.events), 0) as bigint) as events,
        coalesce(sum(events.events), 0) / (1e0 * ages.loans) as cumulative_event_rate,
        coalesce(sum(events.principal), 0) / (1e0 * nullif(ages.principal, 0))
            as cumulative_event_rate_by_principal
    from ages
    left join events
        on
            ages.quarter_no = events.quarter_no
            and ages.months_on_book >= events.event_age
    group by ages.quarter_no, ages.months_on_book, ages.loans, ages.principal
)

select * from vintage_curve
