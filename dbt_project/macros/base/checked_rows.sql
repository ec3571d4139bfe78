{#- The SQL of a base model: every landed row of one table, parsed and judged.

One row per landed row, with `_status` accepted, quarantined (then `_rule` and `_reason`
say why) or superseded (a later delivery of the key was accepted). See README.md in the
folder above for the arguments.

Repeated keys are found by hash over the key columns alone, and only their rows are
ranked: at millions of rows a window over all of them would cost more than the rest. -#}
{% macro checked_rows(
    source_name, table_name, rules=[], parents={}, parse={}, add={}, hashed={}, drop=[]
) %}
    {% set landed = landed_relations(source_name, table_name) %}
    {% set table = source_table(source_name, table_name) %}
    {% if table is none %}
        select 1 as not_compiled_yet
    {% else %}
        {% set parents = complete_parents(parents) %}
        {% set all_rules = unreadable_rules(table, parse) + limit_rules(table)
            + parent_rules(parents) + rules %}
        with
        {% if landed.typed %}
            typed_rows as {{ inlined() }} ({{ _typed_rows(table, landed.typed) }}),
        {% endif %}
        text_rows as {{ read_once() }} ({{ _text_rows(table, landed.text, parse) }}),
        delivered as {{ inlined() }} (
            {{ _delivered(landed.typed, add) }}
        ),
        repeated as (
            select {{ row_hash(table.key) }} as key_hash
            from delivered
            group by 1
            having count(*) > 1
        ),
        candidates as (
            select *
            from delivered
            where {{ row_hash(table.key) }} in (select repeated.key_hash from repeated)
        ),
        latest as ({{ _latest(table, parents, all_rules) }}),
        judged as ({{ _judged('delivered', parents, all_rules) }}),
        checked as (
            {{ _checked(table, parents, all_rules, add, hashed, drop) }}
        )

        select * from checked
    {% endif %}
{% endmacro %}

{#- Parents with every part named: relation, id, key, carry. -#}
{% macro complete_parents(parents) %}
    {% set complete = {} %}
    {% for column, parent in parents.items() %}
        {% set given = parent if parent['relation'] is defined else {'relation': parent} %}
        {% set id = given.get('id', column) %}
        {% do complete.update({column: {
            'relation': given['relation'],
            'id': id,
            'key': given.get('key', id | replace('_id', '_key')),
            'carry': given.get('carry', {}),
        }}) %}
    {% endfor %}
    {% do return(complete) %}
{% endmacro %}

{% macro _delivery_columns() -%}_file, _row, _batch, _landed_at{%- endmacro %}

{% macro _typed_rows(table, relation) %}
    select
        {% for column in table.columns %}
            {% if column.type == 'varchar' %}
                {{ tidy_column(table, column) }} as {{ column.name }},
            {% else %}
                {{ column.name }},
            {% endif %}
        {% endfor %}
        {{ _delivery_columns() }},
        {{ _first_unreadable(_typed_failures(table)) }} as _unreadable
    from {{ relation }}
{% endmacro %}

{% macro _text_rows(table, relation, parse) %}
    select
        {% for column in table.columns %}{{ column.name }}, {% endfor %}
        {{ _delivery_columns() }},
        {{ _first_unreadable(_text_failures(table, parse)) }} as _unreadable
    from (
        select
            {% for column in table.columns %}
                {% if is_parsed(table, column, parse) %}
                    {{ column.name }} as _text_{{ column.name }},
                {% endif %}
                {{ parse_column(table, column, parse) }} as {{ column.name }},
            {% endfor %}
            {{ _delivery_columns() }}
        from {{ relation }}
    ) as read_rows
{% endmacro %}

{% macro _delivered(typed, add) %}
    {% for part in (['typed_rows'] if typed else []) + ['text_rows'] %}
        select
            {{ part }}.*
            {{ _added(add) }}
        from {{ part }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}

{% macro _added(add) %}
    {% for name, expression in add.items() %}, {{ expression }} as {{ name }}{% endfor %}
{% endmacro %}

{% macro _first_unreadable(failures) %}
    {% if failures %}
        case
            {% for name, condition in failures.items() %}
                when {{ condition }} then '{{ name }}'
            {% endfor %}
        end
    {% else %}
        cast(null as varchar)
    {% endif %}
{% endmacro %}

{#- Values of the right type that are no dates or numbers: year 30000, infinity. -#}
{% macro _typed_failures(table) %}
    {% set failures = {} %}
    {% for column in table.columns %}
        {% if column.type in ('date', 'timestamp') %}
            {% do failures.update({column.name:
                column.name ~ ' is not null and '
                ~ within_years(column.name, column.type) ~ ' is null'}) %}
        {% elif column.type == 'double' %}
            {% do failures.update({column.name: 'not ' ~ is_finite(column.name)}) %}
        {% endif %}
    {% endfor %}
    {% do return(failures) %}
{% endmacro %}

{% macro _text_failures(table, parse) %}
    {% set failures = {} %}
    {% for column in table.columns if is_parsed(table, column, parse) %}
        {% set missing = table.missing + column.meta.get('missing', []) %}
        {% do failures.update({column.name:
            column.name ~ ' is null and not '
            ~ is_blank('_text_' ~ column.name, missing)}) %}
    {% endfor %}
    {% do return(failures) %}
{% endmacro %}

{#- Rows with the keys of their parents and the first rule they break. -#}
{% macro _judged(relation, parents, rules) %}
    select
        {{ relation }}.*,
        {% for column, parent in parents.items() %}
            parent_{{ column }}.{{ parent.key }},
            {% for name in parent.carry %}parent_{{ column }}.{{ name }}, {% endfor %}
        {% endfor %}
        case
            {% for rule in rules %}
                when {{ rule.when }} then '{{ rule.rule }}'
            {% endfor %}
        end as _rule
    from {{ relation }}
    {% for column, parent in parents.items() %}
        left join (
            select
                {{ parent.id }} as _parent_id,
                {{ parent.key }}
                {% for name, carried in parent.carry.items() %}
                    , {{ carried }} as {{ name }}
                {% endfor %}
            from {{ parent.relation }}
            where _status = 'accepted'
        ) as parent_{{ column }}
            on {{ relation }}.{{ column }} = parent_{{ column }}._parent_id
    {% endfor %}
{% endmacro %}

{#- The winning delivery of each repeated key, among rows that break no rule. -#}
{% macro _latest(table, parents, rules) %}
    select {{ table.key | join(', ') }}, {{ _delivery_columns() }}
    from (
        select
            {{ table.key | join(', ') }},
            {{ _delivery_columns() }},
            row_number() over (
                partition by {{ table.key | join(', ') }}
                order by _landed_at desc, _file desc, _row desc
            ) as position
        from ({{ _judged('candidates', parents, rules) }}) as judged_candidates
        where _rule is null
    ) as ranked
    where position = 1
{% endmacro %}

{% macro _checked(table, parents, rules, add, hashed, drop) %}
    select
        {% for name in kept_columns(table, add, drop) %}
            judged.{{ name }},
        {% endfor %}
        {% for parent in parents.values() %}
            judged.{{ parent.key }},
        {% endfor %}
        {% for column, key in hashed_columns(table, parents, hashed).items() %}
            {{ keyed_hash('judged.' ~ column) }} as {{ key }},
        {% endfor %}
        {% for name in ('_file', '_row', '_batch', '_landed_at') %}
            judged.{{ name }},
        {% endfor %}
        case
            when judged._rule is not null then 'quarantined'
            when latest._row is null then 'accepted'
            when
                latest._row = judged._row
                and latest._file = judged._file
                and latest._landed_at = judged._landed_at
                then 'accepted'
            else 'superseded'
        end as _status,
        judged._rule,
        case
            when judged._rule is null then null
            {% for rule in rules %}
                when judged._rule = '{{ rule.rule }}'
                    then '{{ rule.reason | replace("'", "''") }}'
            {% endfor %}
        end as _reason
    from judged
    left join latest
        on {% for name in table.key %}judged.{{ name }} = latest.{{ name }}
        {%- if not loop.last %} and {% endif %}{% endfor %}
{% endmacro %}

{#- Columns a base model keeps: all but personal texts that are no ids. -#}
{% macro kept_columns(table, add, drop) %}
    {% set kept = [] %}
    {% for column in table.columns if column.name not in drop %}
        {% set is_text = read_as(table, column) in ('text', 'code') %}
        {% if not (column.meta.get('personal') and is_text) %}
            {% do kept.append(column.name) %}
        {% endif %}
    {% endfor %}
    {% do return(kept + add.keys() | list) %}
{% endmacro %}

{#- Id columns that are hashed, with the names of their keys. -#}
{% macro hashed_columns(table, parents, hashed) %}
    {% set found = {} %}
    {% for column in table.columns if column.name.endswith('_id') %}
        {% if column.name not in parents and column.name not in hashed
            and (column.meta.get('personal') or column.name in table.key) %}
            {% do found.update({column.name: column.name | replace('_id', '_key')}) %}
        {% endif %}
    {% endfor %}
    {% do found.update(hashed) %}
    {% do return(found) %}
{% endmacro %}
