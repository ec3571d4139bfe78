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
    {%- set zone -%} Z|z|UTC|[-+]\d{2}(?::?\d{2})? {%- endset -%}
    {%- set day_text -%} regexp_extract({{ text }}, '^(.*\d)[T ]+\d{1,2}:', 1) {%- endset -%}
    {%- set day -%} cast({{ parse_date(day_text, order, pivot) }} as varchar) {%- endset -%}
    {%- set time -%} regexp_extract({{ text }}, '[T ]({{ clock }})', 1) {%- endset -%}
    {%- set plain -%} try_cast({{ text }} as timestamp) {%- endset -%}
    case
        when regexp_full_match(
            {{ text }}, '\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}([.]\d+)?'
        )
            then {{ within_years(plain, 'timestamp') }}
        when regexp_full_match({{ text }}, '.*\d[T ]+{{ clock }}')
            then try_cast({{ day }} || ' ' || {{ time }} as timestamp)
        when regexp_full_match({{ text }}, '.*\d[T ]+{{ clock }} ?({{ zone }})')
            then timezone('UTC', try_cast(
                {{ day }} || ' ' || {{ time }}
                || regexp_replace(
                    regexp_extract({{ text }}, '({{ zone }})$', 1), 'z|UTC', 'Z'
                ) as timestamp with time zone
            ))
        when regexp_full_match({{ text }}, '.*\d[T ]+\d{1,2}:\d{2}(:\d{2})? ?[AaPp][Mm]')
            then try_strptime(
                {{ day }} || ' '
                || regexp_extract({{ text }}, '[T ](\d{1,2}:\d{2})', 1)
                || coalesce(
                    nullif(regexp_extract({{ text }}, ':\d{2}(:\d{2}) ?[A-Za-z]', 1), ''),
                    ':00'
                )
                || upper(right({{ text }}, 2)),
                '%Y-%m-%d %I:%M:%S%p'
            )
        else cast({{ parse_date(value, order, pivot) }} as timestamp)
    end
{%- endmacro %}
