{#- SQL: the quarantined rows of one base model with the whole row as it landed. -#}
{% macro raw_of_quarantined(table_name, relation) %}
    {% set landed = landed_relations(var('source'), table_name) %}
    {% for part in [landed.typed, landed.text] if part %}
        {#- Joined before it is written as JSON, or every landed row would be. -#}
        select
            '{{ table_name }}' as entity,
            bad._batch as batch_id,
            bad._file as file,
            bad._row as row_number,
            bad._rule as rule,
            bad._reason as reason,
            {{ row_json('landed') }} as raw
        from {{ relation }} as bad
        inner join {{ part }} as landed
            on
                bad._batch = landed._batch
                and bad._file = landed._file
                and bad._row = landed._row
        where bad._status = 'quarantined'
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}
