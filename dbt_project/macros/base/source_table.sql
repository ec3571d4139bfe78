{#- What the source file says of one delivered table, as the graph holds it.

A dictionary: `columns` (list of name, type, meta), `key`, `amount`, `missing`,
`is_typed`; none while dbt parses, when there is no graph yet. -#}
{% macro source_table(source_name, table_name) %}
    {% if not execute %}{{ return(none) }}{% endif %}
    {% set id = 'source.comove.' ~ source_name ~ '.' ~ table_name %}
    {% if id not in graph.sources %}
        {{ exceptions.raise_compiler_error(
            'no source table ' ~ source_name ~ '.' ~ table_name ~ ' is described') }}
    {% endif %}
    {% set node = graph.sources[id] %}
    {% set columns = [] %}
    {% for column in node.columns.values() %}
        {% do columns.append({
            'name': column.name, 'type': column.data_type, 'meta': column.config.meta,
        }) %}
    {% endfor %}
    {% do return({
        'name': table_name,
        'columns': columns,
        'key': node.config.meta['key'],
        'amount': node.config.meta.get('amount'),
        'missing': node.config.meta.get('missing', []),
        'is_typed': columns | rejectattr('type', 'equalto', 'varchar') | list | length > 0,
    }) %}
{% endmacro %}

{#- The two relations a table lands in: typed (none for text-only sources) and text. -#}
{% macro landed_relations(source_name, table_name) %}
    {% set relation = source(source_name, table_name) %}
    {% set table = source_table(source_name, table_name) %}
    {% if table is none or not table.is_typed %}
        {% do return({'typed': none, 'text': relation}) %}
    {% endif %}
    {% set text = relation.incorporate(
        path={'identifier': relation.identifier ~ '__text'}) %}
    {% do return({'typed': relation, 'text': text}) %}
{% endmacro %}

{#- What a column is read as: its `read_as`, else its type; ids and codes told apart. -#}
{% macro read_as(table, column) %}
    {% if column.meta.get('read_as') %}{{ return(column.meta['read_as']) }}{% endif %}
    {% if column.type != 'varchar' %}{{ return(column.type) }}{% endif %}
    {% if column.name.endswith('_id') or column.name in table.key %}
        {% if not column.meta.get('accepted_values') %}{{ return('id') }}{% endif %}
    {% endif %}
    {% do return('code' if column.meta.get('accepted_values') else 'text') %}
{% endmacro %}

{#- The SQL that reads one column from its text. -#}
{% macro parse_column(table, column, parse={}) %}
    {% set kind = read_as(table, column) %}
    {% set order = column.meta.get('order') %}
    {% set pivot = column.meta.get('pivot', 50) %}
    {% if column.name in parse %}{{ return(parse[column.name]) }}
    {% elif kind == 'date' %}{{ return(parse_date(column.name, order, pivot)) }}
    {% elif kind == 'timestamp' %}{{ return(parse_timestamp(column.name, order, pivot)) }}
    {% elif kind.startswith('decimal') %}{{ return(parse_decimal(column.name, kind)) }}
    {% elif kind in ('integer', 'bigint', 'smallint') %}
        {{ return(parse_integer(column.name, kind)) }}
    {% elif kind == 'double' %}{{ return(parse_double(column.name)) }}
    {% endif %}
    {% do return(tidy_column(table, column)) %}
{% endmacro %}

{#- The SQL that tidies a text column that stays text. -#}
{% macro tidy_column(table, column) %}
    {% set kind = read_as(table, column) %}
    {% set missing = table.missing + column.meta.get('missing', []) %}
    {% if kind == 'id' %}
        {% if missing %}{{ return(parse_text(column.name, missing)) }}{% endif %}
        {{ return(parse_id(column.name)) }}
    {% elif kind == 'code' %}
        {{ return(parse_code(column.name, column.meta.get('case', 'lower'), missing)) }}
    {% endif %}
    {% do return(parse_text(column.name, missing)) %}
{% endmacro %}
