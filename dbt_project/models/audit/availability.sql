{%- set never = 'no rows have been delivered' -%}
with entities as (
    {% for entity in delivered_tables('contract') %}
        {% set reason = var('absent').get(entity) %}
        select
            '{{ entity }}' as entity,
            {% if reason -%}
                '{{ reason | replace("'", "''") }}'
            {%- elif var('source') == 'contract' -%}
                case
                    when not exists (select 1 from {{ base_models()[entity] }})
                        then '{{ never }}'
                end
            {%- else -%}
                case
                    when not exists (select 1 from {{ staged(entity) }}) then '{{ never }}'
                end
            {%- endif %} as why_absent
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

availability as (
    select
        entity,
        why_absent is null as is_available,
        'not available for this portfolio: ' || why_absent as reason
    from entities
)

select * from availability
