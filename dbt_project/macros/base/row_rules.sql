{#- The rules a delivered row is judged by, in order; the first that fails wins.

Every rule is a dictionary: `rule` (its name), `when` (SQL that is true for a bad row) and
`reason` (what was found and what to do, without personal data). -#}

{#- A lender's day may be the next one in UTC: no zone is further ahead than 14 hours. -#}
{% macro latest_moment(column_type) -%}
    {%- if column_type == 'date' -%}
        cast(_landed_at + interval '14 hours' as date)
    {%- else -%}
        _landed_at + interval '14 hours'
    {%- endif -%}
{%- endmacro %}

{% macro unreadable_reason(name, kind) -%}
    {%- set years = 'in the years ' ~ var('earliest_year') ~ ' to ' ~ var('latest_year') -%}
    {%- if kind == 'date' -%}
        {{ name }} is not a date {{ years }}. Deliver it as YYYY-MM-DD.
    {%- elif kind == 'timestamp' -%}
        {{ name }} is not a time {{ years }}. Deliver it as YYYY-MM-DD HH:MM:SS in UTC.
    {%- elif kind in ('integer', 'bigint', 'smallint') -%}
        {{ name }} is not a whole number. Deliver digits only.
    {%- elif kind.startswith('decimal') or kind == 'double' -%}
        {{ name }} is not a number. Deliver digits with a decimal point.
    {%- else -%}
        {{ name }} has a form that is not known. Deliver it as the contract says.
    {%- endif -%}
{%- endmacro %}

{#- `unreadable_<column>`: `_unreadable` names the first such column of the row. -#}
{% macro unreadable_rules(table, parse) %}
    {% set rules = [] %}
    {% for column in table.columns if is_parsed(table, column, parse) %}
        {% do rules.append({
            'rule': 'unreadable_' ~ column.name,
            'when': "_unreadable = '" ~ column.name ~ "'",
            'reason': unreadable_reason(column.name, read_as(table, column)),
        }) %}
    {% endfor %}
    {% do return(rules) %}
{% endmacro %}

{#- Whether reading a column can fail. -#}
{% macro is_parsed(table, column, parse) %}
    {% do return(
        column.name in parse or read_as(table, column) not in ('id', 'code', 'text')
    ) %}
{% endmacro %}

{#- What the source file's limits say: missing, minimum, maximum, future, values. -#}
{% macro limit_rules(table) %}
    {% set rules = [] %}
    {% for column in table.columns %}
        {% set name, meta = column.name, column.meta %}
        {% if meta.get('required') or name in table.key %}
            {% do rules.append({
                'rule': 'missing_' ~ name,
                'when': name ~ ' is null',
                'reason': name ~ ' is empty. Deliver the row again with a value.',
            }) %}
        {% endif %}
        {% if meta.get('minimum') is not none and 'minimum' in meta %}
            {% set is_zero = meta['minimum'] == 0 %}
            {% do rules.append({
                'rule': ('negative_' if is_zero else 'below_minimum_') ~ name,
                'when': name ~ ' < ' ~ meta['minimum'],
                'reason': name ~ (' is negative.' if is_zero
                    else ' is below ' ~ meta['minimum'] ~ '.')
                    ~ ' Correct it and deliver the row again.',
            }) %}
        {% endif %}
        {% if 'maximum' in meta %}
            {% do rules.append({
                'rule': 'above_maximum_' ~ name,
                'when': name ~ ' > ' ~ meta['maximum'],
                'reason': name ~ ' is above ' ~ meta['maximum']
                    ~ '. Correct it and deliver the row again.',
            }) %}
        {% endif %}
        {% if meta.get('not_after_delivery') %}
            {% do rules.append({
                'rule': 'future_' ~ name,
                'when': name ~ ' > ' ~ latest_moment(read_as(table, column)),
                'reason': name ~ ' is later than the delivery of its file. '
                    ~ 'Correct it and deliver the row again.',
            }) %}
        {% endif %}
        {% if meta.get('accepted_values') %}
            {% set values = meta['accepted_values'] | join("', '") %}
            {% do rules.append({
                'rule': 'unknown_value_' ~ name,
                'when': name ~ " not in ('" ~ values ~ "')",
                'reason': name ~ ' is none of ' ~ meta['accepted_values'] | join(', ')
                    ~ '. Deliver one of these.',
            }) %}
        {% endif %}
    {% endfor %}
    {% do return(rules) %}
{% endmacro %}

{#- `unknown_<parent>`: the row names a parent that has not been accepted. -#}
{% macro parent_rules(parents) %}
    {% set rules = [] %}
    {% for column, parent in parents.items() %}
        {% set what = column | replace('_id', '') %}
        {% do rules.append({
            'rule': 'unknown_' ~ what,
            'when': column ~ ' is not null and ' ~ parent.key ~ ' is null',
            'reason': 'The ' ~ what ~ ' this row names has no accepted row. Deliver the '
                ~ what ~ '; this row is then accepted by the next build.',
        }) %}
    {% endfor %}
    {% do return(rules) %}
{% endmacro %}
