{#- SQL: what one table's batches hold in raw and in the base model, in two parts.

Raw is summed from raw itself, so that a row the base model loses is seen. -#}
{% macro reconciled_rows(table_name, relation) %}
    select
        '{{ table_name }}' as entity,
        _batch as batch_id,
        0 as rows_landed,
        {{ count_of('accepted') }} as rows_accepted,
        {{ count_of('quarantined') }} as rows_quarantined,
        {{ count_of('superseded') }} as rows_superseded,
        {% set amount = _amount_name(table_name) %}
        cast(null as decimal(38, 2)) as amount_landed,
        {{ sum_of(amount, 'accepted') }} as amount_accepted,
        {{ sum_of(amount, 'quarantined') }} as amount_quarantined,
        {{ sum_of(amount, 'superseded') }} as amount_superseded
    from {{ relation }}
    group by _batch
    {% for part in _landed_amounts(table_name) %}
        union all
        select
            '{{ table_name }}' as entity,
            _batch as batch_id,
            0, 0, 0, 0,
            coalesce(sum(cast({{ part.amount }} as decimal(38, 2))), 0),
            null, null, null
        from {{ part.relation }}
        group by _batch
    {% endfor %}
{% endmacro %}

{% macro count_of(status) -%}
    sum(case when _status = '{{ status }}' then 1 else 0 end)
{%- endmacro %}

{% macro sum_of(amount, status) -%}
    {%- if amount -%}
        sum(
            case
                when _status = '{{ status }}'
                    then coalesce(cast({{ amount }} as decimal(38, 2)), 0)
                else 0
            end
        )
    {%- else -%}
        cast(null as decimal(38, 2))
    {%- endif -%}
{%- endmacro %}

{% macro _amount_name(table_name) %}
    {% set table = source_table(var('source'), table_name) %}
    {% do return(table.amount if table else none) %}
{% endmacro %}

{#- Where an amount lands, with the SQL that reads it there. -#}
{% macro _landed_amounts(table_name) %}
    {% set landed = landed_relations(var('source'), table_name) %}
    {% set table = source_table(var('source'), table_name) %}
    {% set parts = [] %}
    {% for column in (table.columns if table else []) if column.name == table.amount %}
        {% if landed.typed %}
            {% do parts.append({'relation': landed.typed, 'amount': column.name}) %}
        {% endif %}
        {% do parts.append({
            'relation': landed.text, 'amount': parse_column(table, column)}) %}
    {% endfor %}
    {% do return(parts) %}
{% endmacro %}
