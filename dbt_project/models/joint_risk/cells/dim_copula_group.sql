with request as (
    select * from {{ source('audit', 'joint_request') }}
),

parents as (
    select * from {{ source('audit', 'joint_parent') }}
),

residuals as (
    select * from {{ ref('residual') }}
),

in_window as (
    select
        {{ copula_attribute('request.region_attribute', 'residuals') }} as region,
        {{ copula_attribute('request.industry_attribute', 'residuals') }} as industry,
        {{ in_trillionths('residuals.pd') }} as pd_trillionths,
        case when residuals.is_event then 1 else 0 end as happened
    from residuals
    cross join request
    where residuals.month between request.from_month and request.month
),

group_values as (
    {% for attribute in ('region', 'industry') %}
        select
            '{{ attribute }}' as attribute,
            {{ attribute }} as value,
            count(*) as n,
            sum(pd_trillionths) / 1e12 as expected_events,
            cast(sum(happened) as bigint) as events
        from in_window
        group by {{ attribute }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Values nobody in the window has, but whose parent is known.
uncounted as (
    select
        parents.attribute,
        parents.value,
        0 as n,
        0e0 as expected_events,
        0 as events
    from parents
    left join group_values
        on
            parents.attribute = group_values.attribute
            and parents.value = group_values.value
    where group_values.value is null
),

all_values as (
    select * from group_values
    union all
    select * from uncounted
),

-- What cannot have a path of its own is counted with its neighbours.
members as (
    select
        all_values.*,
        case
            when
                all_values.expected_events + all_values.events
                < coalesce(request.min_own_events, 0)
                then coalesce(parents.parent, all_values.value)
            else all_values.value
        end as member
    from all_values
    left join parents
        on
            all_values.attribute = parents.attribute
            and all_values.value = parents.value
    cross join request
),

weighed as (
    select
        *,
        sum(expected_events + events) over (partition by attribute, member)
            as member_strength
    from members
),

-- What is too small goes to `other`, which a lender may well have itself.
candidates as (
    select
        weighed.*,
        case
            when weighed.member_strength >= request.min_group_events
                then weighed.member
            else 'other'
        end as candidate
    from weighed
    cross join request
    where weighed.n > 0 or weighed.member_strength > 0
),

strengths as (
    select
        attribute,
        candidate,
        candidate = 'other' as is_other,
        sum(expected_events) + sum(events) as strength
    from candidates
    group by attribute, candidate
),

ranked as (
    select
        *,
        row_number() over (
            partition by attribute
            order by is_other, strength, candidate
        ) as place
    from strengths
),

smallest as (
    select
        attribute,
        candidate
    from ranked
    where place = 1
),

-- Even together they may be too small: then they join the smallest of the others.
resolved as (
    select
        ranked.attribute,
        ranked.candidate,
        case
            when ranked.is_other and ranked.strength < request.min_group_events
                then smallest.candidate
            else ranked.candidate
        end as group_name
    from ranked
    inner join smallest on ranked.attribute = smallest.attribute
    cross join request
),

named as (
    select
        attribute,
        candidate,
        -- A single group differs from nobody.
        case
            when
                min(group_name) over (partition by attribute)
                = max(group_name) over (partition by attribute)
                then 'all'
            else group_name
        end as group_name
    from resolved
),

dim_copula_group as (
    select
        candidates.attribute,
        candidates.value,
        named.group_name,
        candidates.n,
        candidates.expected_events,
        candidates.events
    from candidates
    inner join named
        on
            candidates.attribute = named.attribute
            and candidates.candidate = named.candidate
)

select * from dim_copula_group
