{#- A date from text; null where it cannot be read.

Read whatever the order: 2024-01-31, 2024/1/31, 20240131, with a time after it or not;
31-Jan-24, 31 January 2024, Jan 31, 2024. `order` says how 03/04/2024 is read: `dmy` or
`mdy`, else the project's `date_order`. A year of two digits below `pivot` is 20yy, from
`pivot` on 19yy. Years outside `earliest_year` to `latest_year` cannot be read. -#}
{% macro parse_date(value, order=none, pivot=50) -%}
    {{ adapter.dispatch('parse_date')(value, order or var('date_order'), pivot) }}
{%- endmacro %}

{% macro duckdb__parse_date(value, order, pivot) -%}
    {%- set text -%} trim({{ value }}) {%- endset -%}
    {%- set numbers = '%m/%d/' if order == 'mdy' else '%d/%m/' -%}
    {%- set short -%} regexp_replace({{ text }}, '[-/.]', '/', 'g') {%- endset -%}
    {%- set century -%}
        case when cast(right({{ text }}, 2) as integer) < {{ pivot }} then '20' else '19' end
    {%- endset -%}
    {%- set parsed -%}
        case
            when regexp_full_match({{ text }}, '\d{4}-\d{2}-\d{2}')
                then try_cast({{ text }} as date)
            when regexp_full_match(
                {{ text }}, '\d{4}[-/.]\d{1,2}[-/.]\d{1,2}{{ time_pattern() }}'
            )
                then try_cast(
                    regexp_replace(
                        regexp_extract({{ text }}, '^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}'),
                        '[/.]', '-', 'g'
                    ) as date
                )
            when regexp_full_match({{ text }}, '\d{8}')
                then cast(try_strptime({{ text }}, '%Y%m%d') as date)
            when regexp_full_match(
                {{ text }}, '\d{1,2}[-/.]\d{1,2}[-/.]\d{4}{{ time_pattern() }}'
            )
                then cast(
                    try_strptime(
                        split_part({{ short }}, ' ', 1), '{{ numbers }}%Y'
                    ) as date
                )
            when regexp_full_match({{ text }}, '\d{1,2}[-/.]\d{1,2}[-/.]\d{2}')
                then cast(
                    try_strptime(
                        regexp_replace({{ short }}, '\d{2}$', '')
                        || {{ century }} || right({{ text }}, 2),
                        '{{ numbers }}%Y'
                    ) as date
                )
            when regexp_full_match({{ text }}, '{{ named_month_pattern() }}')
                then {{ _named_month_date(text, century) }}
            when regexp_full_match({{ text }}, '[A-Za-z]{3,9}\.? \d{1,2},? \d{4}')
                then cast(
                    try_strptime(
                        regexp_replace(
                            {{ text }},
                            '^([A-Za-z]{3})[A-Za-z]*\.? (\d{1,2}),? (\d{4})$', '\2 \1 \3'
                        ),
                        '%d %b %Y'
                    ) as date
                )
        end
    {%- endset -%}
    {{ within_years(parsed, 'date') }}
{%- endmacro %}

{#- 31-Jan-24, 31 January 2024: the day first, the month in letters. -#}
{% macro _named_month_date(text, century) -%}
    {%- set parts -%} '^(\d{1,2})[-/. ]?([A-Za-z]{3})[A-Za-z]*[-/., ]*(\d+)$' {%- endset -%}
    cast(
        try_strptime(
            regexp_replace({{ text }}, {{ parts }}, '\1 \2 ')
            || case
                when regexp_matches({{ text }}, '\d{4}$') then right({{ text }}, 4)
                else {{ century }} || right({{ text }}, 2)
            end,
            '%d %b %Y'
        ) as date
    )
{%- endmacro %}

{#- A time of day after a date, which a date is read without. -#}
{% macro time_pattern() -%}
    ([T ]+\d{1,2}:\d{2}(:\d{2}([.]\d+)?)? ?(Z|UTC|[-+]\d{2}(:?\d{2})?|[AaPp][Mm])?)?
{%- endmacro %}

{% macro named_month_pattern() -%}
    \d{1,2}[-/. ]?[A-Za-z]{3,9}[-/., ]*(\d{2}|\d{4})
{%- endmacro %}

{#- A date or timestamp, null where its year is outside the project's limits.

Written with least and greatest, so that a long parse stands in the SQL once. -#}
{% macro within_years(expression, data_type) -%}
    {%- set below = "cast('" ~ (var('earliest_year') | int - 1) ~ "-12-31' as "
        ~ data_type ~ ")" -%}
    {%- set above = "cast('" ~ (var('latest_year') | int + 1) ~ "-01-01' as "
        ~ data_type ~ ")" -%}
    nullif(
        nullif(least(greatest({{ expression }}, {{ below }}), {{ above }}), {{ below }}),
        {{ above }}
    )
{%- endmacro %}
