with applications as (

    select
        application_key,
        borrower_key,
        applied_at,
        {{ refused_at('decision', 'decided_at', 'applied_at') }} as refused_at
    from {{ ref('fct_application') }}

),

activities as (

    select * from {{ ref('feat_borrower_activity') }}

),

limits as (

    select
        places.limit_place,
        deliveries.*
    from {{ ref('feat_limit_place') }} as places
    inner join {{ ref('feat_limit_delivery') }} as deliveries
        on
            places.borrower_key = deliveries.borrower_key
            and places.effective_on = deliveries.effective_on

),

earlier_requests as (

    select
        applications.application_key,
        count(*) as applications_12m,
        count(
            case
                when
                    {{ days_between(
                        'cast(earlier.applied_at as date)',
                        'cast(applications.applied_at as date)'
                    ) }} <= 90
                    then 1
            end
        ) as applications_90d,
        count(case when earlier.refused_at < applications.applied_at then 1 end)
            as rejected_12m
    from applications
    inner join applications as earlier
        on
            applications.borrower_key = earlier.borrower_key
            and applications.applied_at > earlier.applied_at
            and {{ days_between(
                'cast(earlier.applied_at as date)',
                'cast(applications.applied_at as date)'
            ) }} <= {{ memory_days() }}
    group by applications.application_key

),

-- Whole months before the one of the application.
earlier_activity as (

    select
        applications.application_key,
        sum(activities.contacts) as contacts_12m,
        sum(activities.broken_promises) as broken_promises_12m,
        sum(
            case
                when
                    activities.month_no
                    >= {{ month_number('applications.applied_at') }} - 3
                    then activities.inflow
            end
        ) as inflow_3m,
        sum(
            case
                when
                    activities.month_no
                    >= {{ month_number('applications.applied_at') }} - 3
                    then activities.outflow
            end
        ) as outflow_3m,
        sum(
            case
                when
                    activities.month_no
                    >= {{ month_number('applications.applied_at') }} - 3
                    then activities.transactions
            end
        ) as transactions_3m
    from applications
    inner join activities
        on
            applications.borrower_key = activities.borrower_key
            and activities.month_no
            between {{ month_number('applications.applied_at') }} - 12
            and {{ month_number('applications.applied_at') }} - 1
    group by applications.application_key

),

earlier_limits as (

    select
        applications.application_key,
        max_by(limits.credit_limit, limits.limit_place) as credit_limit
    from applications
    inner join limits
        on
            applications.borrower_key = limits.borrower_key
            and cast(applications.applied_at as date) > limits.effective_on
            and {{ is_known_on('limits', 'cast(applications.applied_at as date)') }}
    group by applications.application_key

),

feat_application_request as (

    select
        applications.application_key,
        earlier_requests.applications_12m,
        earlier_requests.applications_90d,
        earlier_requests.rejected_12m,
        earlier_activity.contacts_12m,
        earlier_activity.broken_promises_12m,
        earlier_activity.inflow_3m,
        earlier_activity.outflow_3m,
        earlier_activity.transactions_3m,
        earlier_limits.credit_limit
    from applications
    left join earlier_requests
        on applications.application_key = earlier_requests.application_key
    left join earlier_activity
        on applications.application_key = earlier_activity.application_key
    left join earlier_limits
        on applications.application_key = earlier_limits.application_key

)

select * from feat_application_request
