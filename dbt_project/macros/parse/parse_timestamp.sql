{#- A timestamp in UTC from text; null where it cannot be read.

Read: everything `parse_date` reads (midnight), and such a date followed by T or a blank
and a time: 10:30, 10:30:15, 10:30:15.123456, each with AM or PM or a zone (Z, +02,
+02:00, +0200) or neither. Without a zone the time is taken as it stands. `order` and
`pivot` as in `parse_date`. -#}
{% macro parse_timestamp(value, order=none, pivot=50) -%}
    {{ adapter.dispatch('parse_timestamp')(value, order, pivot) }}
{%- endmacro %}

{% macro duckdb__parse_timestamp(value, order, pivot) -%}
    {%- set text -%} trim({{ value }}) {%- endset -%}
    {%- set clock -%} \d{1,2}:\d{2}(?::\d{2}(?:[.]\d+)?)? {%- endset -%}
    {%- set half -%} [AaPp][Mm] {%- endset -%}
    {%- set zone -%} Z|z|UTC|[-+]\d{2}(?::?\d{2})? {%- endset -%}
    {%- set tail -%} [T ]+({{ clock }}) ?({{ half }}|{{ zone }})?$ {%- endset -%}
    {%- set time -%} regexp_extract({{ text }}, '{{ tail }}', 1) {%- endset -%}
    {%- set suffix -%} upper(regexp_extract({{ text }}, '{{ tail }}', 2)) {%- endset -%}
    {%- set day_text -%} regexp_replace({{ text }}, '{{ tail }}', '') {%- endset -%}
    {%- set plain -%} try_cast({{ text }} as timestamp) {%- endset -%}
    case
        when regexp_full_match(
            {{ text }}, '\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}([.]\d+)?'
        )
            then {{ within_years(plain, 'timestamp') }}
        else timezone('UTC', try_cast(
            cast({{ parse_date(day_text, order, pivot) }} as varchar) || ' '
            || case
                when {{ suffix }} in ('AM', 'PM')
                    then {{ _clock_of_24_hours(time, suffix) }}
                when {{ time }} = '' then '00:00Z'
                when {{ suffix }} in ('', 'UTC') then {{ time }} || 'Z'
                else {{ time }} || {{ suffix }}
            end as timestamp with time zone
        ))
    end
{%- endmacro %}

{#- 1:05 and PM as 13:05:00Z. -#}
{% macro _clock_of_24_hours(time, half) -%}
    strftime(
        try_strptime(
            case when {{ time }} like '%:%:%' then {{ time }} else {{ time }} || ':00' end
            || {{ half }},
            '%I:%M:%S%p'
        ),
        '%H:%M:%SZ'
    )
{%- endmacro %}
