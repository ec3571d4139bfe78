{#- The staged rows of a contract entity, whatever the portfolio.

The staging model of the active source, or an empty relation with the same columns where
the portfolio does not have the entity (variable `absent`, from portfolios.yml). -#}
{% macro staged(entity) %}
    {% if entity not in var('absent') %}
        {{ return(ref('stg_' ~ var('source') ~ '__' ~ entity)) }}
    {% endif %}
    {% do return(_empty_relation(staged_columns(entity))) %}
{% endmacro %}

{#- Columns every staging model of an entity gives, by name, with their types. -#}
{% macro staged_columns(entity) %}
    {% set table = source_table('contract', entity) %}
    {% set columns = {} %}
    {% for column in (table.columns if table else []) %}
        {% set name, meta = column.name, column.meta %}
        {% if name.endswith('_id') %}
            {% do columns.update({name | replace('_id', '_key'): 'varchar'}) %}
        {% elif name == 'born_or_founded_on' %}
            {% do columns.update({'birth_year': 'integer'}) %}
        {% elif not meta.get('personal') %}
            {% do columns.update({name: column.type}) %}
        {% endif %}
    {% endfor %}
    {% if entity == 'loans' %}
        {% do columns.update({'reported_outcome': 'varchar', 'observed_until': 'date'}) %}
    {% endif %}
    {% do columns.update({'_batch': 'varchar', '_landed_at': 'timestamp'}) %}
    {% do return(columns) %}
{% endmacro %}

{% macro _empty_relation(columns) -%}
    (
        select
            {% for name, type in columns.items() -%}
                cast(null as {{ type }}) as {{ name }}{{ ', ' if not loop.last }}
            {% endfor %}
        where false
    )
{%- endmacro %}
