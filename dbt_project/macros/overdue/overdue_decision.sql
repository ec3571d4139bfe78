{#- Repayment capacity: what assets leave once the overdue amount is paid, in overdue
amounts. Null where an asset is unknown or nothing is overdue. The difference is rounded to
cents, so that a capacity of exactly 1 or 0.5 is exactly that. -#}
{% macro repayment_capacity(liquid_assets, fixed_assets, overdue_amount) -%}
    round(
        cast({{ liquid_assets }} as double)
        + cast({{ fixed_assets }} as double)
        - cast({{ overdue_amount }} as double),
        2
    ) / nullif(cast({{ overdue_amount }} as double), 0)
{%- endmacro %}

{#- Rating of a repayment capacity: 1 and more is low risk, 0.5 to below 1 medium, less
high; null where the capacity is unknown. -#}
{% macro capacity_rating(capacity) -%}
    case
        when {{ capacity }} >= 1 then 'low'
        when {{ capacity }} >= 0.5 then 'medium'
        when {{ capacity }} < 0.5 then 'high'
    end
{%- endmacro %}

{#- What a collection strategy costs if it is carried out to its end, in currency. -#}
{% macro collection_cost(strategy) -%}
    {{ strategy }}.contacts_per_week * {{ strategy }}.weeks
    * {{ strategy }}.cost_per_contact
{%- endmacro %}

{#- Probability of the target type from that of repaying enough in time. -#}
{% macro type_probability(repaid_probability) -%}
    {%- if var('overdue_target_type') == 'recoverable' -%}
        {{ repaid_probability }}
    {%- else -%}
        1 - {{ repaid_probability }}
    {%- endif -%}
{%- endmacro %}

{#- SQL: what is decided about cases of overdue borrowers, from the model's probability,
their assets and the seed of strategies.

`cases` is a relation made by overdue_cases. -#}
{% macro overdue_decision(cases) %}
with cases as (

    select * from {{ cases }}

),

probabilities as (

    select * from {{ source('overdue', 'overdue_probability') }}

),

strategies as (

    select
        strategies.*,
        {{ collection_cost('strategies') }} as planned_cost
    from {{ ref('collection_strategies') }} as strategies

),

typed as (

    select
        cases.borrower_key,
        cases.as_of,
        cases.overdue_amount,
        cases.days_overdue,
        cases.liquid_assets,
        cases.fixed_assets,
        probabilities.repaid_probability,
        probabilities.recovery_share,
        probabilities.model_version,
        probabilities.model_reasons,
        {{ type_probability('probabilities.repaid_probability') }} as type_probability
    from cases
    left join probabilities
        on
            cases.borrower_key = probabilities.borrower_key
            and cases.as_of = probabilities.as_of

),

judged as (

    select
        *,
        type_probability >= {{ var('overdue_min_type_probability') }} as is_target_type,
        overdue_amount * recovery_share as expected_recovery
    from typed

),

capable as (

    select
        *,
        case
            when is_target_type
                then {{ repayment_capacity(
                    'liquid_assets', 'fixed_assets', 'overdue_amount'
                ) }}
        end as repayment_capacity
    from judged

),

rated as (

    select
        *,
        {{ capacity_rating('repayment_capacity') }} as rating,
        case
            when type_probability is null then 'not_available'
            when not is_target_type then 'not_target'
            when repayment_capacity is null then 'insufficient_data'
            else 'assessed'
        end as status
    from capable

),

-- The strategy of the rating and the amount, whether or not it pays.
assigned as (

    select
        rated.borrower_key,
        rated.as_of,
        rated.expected_recovery,
        strategies.rating,
        strategies.strategy,
        strategies.planned_cost
    from rated
    inner join strategies
        on
            rated.rating = strategies.rating
            and rated.overdue_amount >= strategies.amount_from
            and (
                rated.overdue_amount < strategies.amount_to
                or strategies.amount_to is null
            )

),

-- Of the strategies of the rating that are no dearer, the dearest whose cost stays below
-- its ceiling.
affordable as (

    select
        assigned.borrower_key,
        assigned.as_of,
        strategies.*,
        strategies.max_cost_share * assigned.expected_recovery as cost_ceiling,
        row_number() over (
            partition by assigned.borrower_key, assigned.as_of
            order by
                strategies.planned_cost desc,
                case when strategies.strategy = assigned.strategy then 0 else 1 end,
                strategies.strategy
        ) as place
    from assigned
    inner join strategies
        on
            assigned.rating = strategies.rating
            and strategies.planned_cost <= assigned.planned_cost
    where
        strategies.planned_cost
        <= strategies.max_cost_share * assigned.expected_recovery

),

chosen as (

    select
        rated.*,
        assigned.strategy as strategy_by_rating,
        affordable.contact_medium,
        affordable.contacts_per_week,
        affordable.weeks,
        affordable.performed_by,
        affordable.cost_ceiling,
        case when affordable.strategy is null then 0.0 else affordable.planned_cost end
            as planned_cost_or_none,
        case
            when rated.rating is not null then coalesce(affordable.strategy, 'none')
        end as collection_strategy
    from rated
    left join assigned
        on
            rated.borrower_key = assigned.borrower_key
            and rated.as_of = assigned.as_of
    left join affordable
        on
            rated.borrower_key = affordable.borrower_key
            and rated.as_of = affordable.as_of
            and affordable.place = 1

),

explained as (

    select
        *,
        case
            when status = 'not_available'
                then 'no model of the type was in force: too few outcomes were known'
            when status = 'not_target'
                then 'not of the target type: the overdue amount is '
                    || '{{ "not likely" if var("overdue_target_type") == "recoverable"
                        else "likely" }} to be repaid in time'
            when liquid_assets is null and fixed_assets is null and rating is null
                then 'liquid and fixed assets are not known'
            when liquid_assets is null and rating is null
                then 'liquid assets are not known'
            when fixed_assets is null and rating is null
                then 'fixed assets are not known'
            when rating = 'low' then 'assets are at least twice the overdue amount'
            when rating = 'medium'
                then 'assets are less than twice the overdue amount'
            when repayment_capacity >= 0
                then 'assets are less than one and a half times the overdue amount'
            else 'assets do not cover the overdue amount'
        end as decision_reason,
        case
            when strategy_by_rating = collection_strategy then ''
            when collection_strategy = 'none'
                then ', "every strategy of the rating costs more than it may bring"'
            when strategy_by_rating is not null
                then ', "the strategy of the rating costs more than it may bring: '
                    || strategy_by_rating || '"'
            else ''
        end as strategy_reason,
        case
            when status = 'not_target' and model_reasons <> '[]'
                then ', ' || substring(model_reasons, 2, length(model_reasons) - 2)
            else ''
        end as type_reasons
    from chosen

),

overdue_decision as (

    select
        borrower_key,
        as_of,
        status,
        overdue_amount,
        cast(days_overdue as integer) as days_overdue,
        is_target_type,
        type_probability,
        liquid_assets,
        fixed_assets,
        repayment_capacity,
        rating,
        collection_strategy,
        contact_medium,
        contacts_per_week,
        weeks,
        performed_by,
        case when rating is not null then planned_cost_or_none end as planned_cost,
        cost_ceiling,
        expected_recovery,
        '["' || decision_reason || '"' || strategy_reason || type_reasons || ']'
            as reason_codes,
        model_version
    from explained

)

select * from overdue_decision
{% endmacro %}
