{#- SQL: the quarantined rows of one base model with the whole row as it landed. -#}
{% macro raw_of_quarantined(table_name, relation) %}
    {% set landed = landed_relations(var('source'), table_name) %}
    select
        '{{ table_name }}' as entity,
        bad._batch as batch_id,
        bad._file as file,
        bad._row as row_number,
        bad._rule as rule,
        bad._reason as reason,
        delivered.raw
    from {{ relation }} as bad
    inner join (
        {% for part in [landed.typed, landed.text] if part %}
            select
                landed._batch,
                landed._file,
                landed._row,
                {{ row_json('landed') }} as raw
            from {{ part }} as landed
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as delivered
        on
            bad._batch = delivered._batch
            and bad._file = delivered._file
            and bad._row = delivered._row
    where bad._status = 'quarantined'
{% endmacro %}
