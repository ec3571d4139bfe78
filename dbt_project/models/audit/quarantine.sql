with unreadable as (
    select * from {{ source('audit', 'unreadable_row') }}
),

{% for table, relation in base_models().items() %}
    quarantined_{{ table }} as (
        {{ raw_of_quarantined(table, relation) }}
    ),
{% endfor %}

quarantine as (
    select
        entity,
        batch_id,
        file,
        row_number,
        rule,
        reason,
        raw
    from unreadable
    {% for table in base_models() %}
        union all
        select * from quarantined_{{ table }}
    {% endfor %}
)

select * from quarantine
