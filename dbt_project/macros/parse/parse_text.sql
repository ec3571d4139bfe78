{#- Texts as they arrive: blanks, ids, names, codes. -#}

{#- Whether a text stands for "no value" in a number or date column. -#}
{% macro is_blank(value, missing=[]) -%}
    {{ adapter.dispatch('is_blank')(value, missing) }}
{%- endmacro %}

{% macro default__is_blank(value, missing) -%}
    (
        {{ value }} is null
        or lower(trim({{ value }})) in (
            '', '-', 'na', 'n/a', 'nan', 'nat', 'null', 'none', '\n'
            {%- for text in missing %}, '{{ text | lower }}'{% endfor %}
        )
    )
{%- endmacro %}

{#- An identifier: kept as delivered but for blanks around it; empty is null. -#}
{% macro parse_id(value) -%}
    nullif(trim({{ value }}), '')
{%- endmacro %}

{#- A name or label: blanks (also tabs and no-break spaces) around it removed and
within it made one; empty, or one of the texts in `missing`, is null. -#}
{% macro parse_text(value, missing=[]) -%}
    {{ adapter.dispatch('parse_text')(value, missing) }}
{%- endmacro %}

{% macro default__parse_text(value, missing) -%}
    {%- set tidy -%}
        case
            when regexp_matches({{ value }}, '^\s|\s$|\s\s|[\t\r\n]|[^ -~]')
                then trim(regexp_replace({{ value }}, '[\s\p{Z}]+', ' ', 'g'))
            else {{ value }}
        end
    {%- endset -%}
    {%- if missing -%}
        case
            when {{ tidy }} not in (
                ''{% for text in missing %}, '{{ text }}'{% endfor %}
            ) then {{ tidy }}
        end
    {%- else -%}
        nullif({{ tidy }}, '')
    {%- endif -%}
{%- endmacro %}

{#- A code: tidied as a text, and all in one case (`upper`, `lower`, or `kept`). -#}
{% macro parse_code(value, case='upper', missing=[]) -%}
    {%- set tidy = parse_text(value, missing) -%}
    {%- if case == 'kept' -%} {{ tidy }} {%- else -%} {{ case }}({{ tidy }}) {%- endif -%}
{%- endmacro %}
