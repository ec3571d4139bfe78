{#- Only the contract's deliveries come as they were read; others are staged already. -#}
{% set is_contract = var('source') == 'contract' %}
with deliveries as (

    {{ deliveries('applications') }}

),

placed as (

    select
        *,
        {{ place_in_landing('application_key') }} as place_in_landing
    from deliveries

),

feat_application_delivery as (

    select
        application_key,
        requested_amount,
        approved_limit,
        {% for name in ('channel', 'region', 'industry') -%}
            {{ "coalesce(" ~ name ~ ", 'unknown')" if is_contract else name }}
                as {{ name }},
        {% endfor -%}
        {{ landed_on('application_key') }} as landed_on,
        {{ superseded_on('application_key') }} as superseded_on
    from placed
    where place_in_landing = 1

)

select * from feat_application_delivery
