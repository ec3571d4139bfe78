{#- Numbers from text; null where they cannot be read. -#}

{#- A number as text SQL can cast, from the ways people write it.

Read: 1234.5, 1,234.50, 1 234,50, 1.234,50, 1'234.50, 1234,5, 6e4; a sign before or after
it; (12.00) is negative; a currency sign or a code of three letters before or after it. A
single comma before exactly three digits separates thousands, unless only a 0 stands
before it: 0,125 is an eighth, 001,234 cannot be read. A single point never does. -#}
{% macro plain_number(value) -%}
    {{ adapter.dispatch('plain_number')(value) }}
{%- endmacro %}

{% macro duckdb__plain_number(value) -%}
    {%- set currency -%} (?:[A-Z]{3}|\p{Sc}|[A-Z]{2}\p{Sc}|Rs\.?) {%- endset -%}
    {%- set frame -%}
        ^(?:{{ currency }} ?)?[-+]?(?:{{ currency }} ?)?
        {#- -#} (\d[\d.,\p{Z}''’]*|[.,]\d+) ?{{ currency }}?-?$
    {%- endset -%}
    {%- set text -%} trim({{ value }}) {%- endset -%}
    {%- set bare -%} trim(regexp_replace({{ text }}, '^\((.*)\)$', '\1')) {%- endset -%}
    {%- set digits -%} trim(regexp_extract({{ bare }}, '{{ frame }}', 1)) {%- endset -%}
    {%- set sign -%}
        case when regexp_matches({{ text }}, '^\(.*\)$|-') then '-' else '' end
    {%- endset -%}
    case
        when regexp_full_match({{ text }}, '[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?')
            then {{ text }}
        when regexp_full_match({{ digits }}, '\d*[.]?\d+|\d+[.]')
            then {{ sign }} || {{ digits }}
        when regexp_full_match({{ digits }}, '[1-9]\d{0,2}([,\p{Z}''’]\d{3})+([.]\d*)?')
            then {{ sign }} || regexp_replace({{ digits }}, '[^0-9.]', '', 'g')
        when regexp_full_match(
            {{ digits }},
            '[1-9]\d{0,2}([.\p{Z}''’]\d{3})+(,\d*)?|(0|[1-9]\d*)?,\d*'
            || '|\d+,(\d{1,2}|\d{4,})?'
        )
            then {{ sign }} || replace(
                regexp_replace({{ digits }}, '[^0-9,]', '', 'g'), ',', '.'
            )
    end
{%- endmacro %}

{#- Money, or another exact decimal: as `plain_number`, but 1.234 cannot be read. Half the
world writes a thousand so and no currency here has three decimals: guessing wrong would
be wrong by a factor of 1000. -#}
{% macro parse_decimal(value, data_type='decimal(18,2)') -%}
    {{ adapter.dispatch('parse_decimal')(value, data_type) }}
{%- endmacro %}

{% macro duckdb__parse_decimal(value, data_type) -%}
    case
        when not regexp_matches(
            trim({{ value }}), '(^|[^\d.,])[1-9]\d{0,2}[.]\d{3}[^\d.,]*$'
        )
            then try_cast({{ plain_number(value) }} as {{ data_type }})
    end
{%- endmacro %}

{#- A whole number: 12, 12.0, 1,200; 12.5 cannot be read. -#}
{% macro parse_integer(value, data_type='integer') -%}
    {{ adapter.dispatch('parse_integer')(value, data_type) }}
{%- endmacro %}

{% macro duckdb__parse_integer(value, data_type) -%}
    {%- set text -%} trim({{ value }}) {%- endset -%}
    case
        when regexp_full_match({{ text }}, '[-+]?\d+([.]0*)?')
            then try_cast(regexp_extract({{ text }}, '^[-+]?\d+') as {{ data_type }})
        when regexp_full_match({{ text }}, '[-+]?[1-9]\d{0,2}(,\d{3})+([.]0*)?')
            then try_cast(
                replace(regexp_extract({{ text }}, '^[-+]?[\d,]+'), ',', '')
                as {{ data_type }}
            )
    end
{%- endmacro %}

{#- A floating-point number: as `plain_number`; 24 % and 24% are 0.24. -#}
{% macro parse_double(value) -%}
    {{ adapter.dispatch('parse_double')(value) }}
{%- endmacro %}

{% macro duckdb__parse_double(value) -%}
    {%- set share -%} regexp_replace(trim({{ value }}), ' ?%$', '') {%- endset -%}
    case
        when trim({{ value }}) like '%\%' escape '\'
            then {{ _finite_double(plain_number(share)) }} / 100
        else {{ _finite_double(plain_number(value)) }}
    end
{%- endmacro %}

{#- 1e999 is no number a column can hold: it would be read as infinite. -#}
{% macro _finite_double(number) -%}
    nullif(
        nullif(try_cast({{ number }} as double), cast('inf' as double)),
        cast('-inf' as double)
    )
{%- endmacro %}
