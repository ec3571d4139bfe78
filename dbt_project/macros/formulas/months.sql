{#- Months as integers: months since year 0, cheap to compare, join and count. -#}
{% macro month_number(date) -%}
    cast(year({{ date }}) * 12 + month({{ date }}) - 1 as integer)
{%- endmacro %}

{#- First day of a numbered month. -#}
{% macro month_start(month_no) -%}
    {{ adapter.dispatch('month_start')(month_no) }}
{%- endmacro %}
{% macro default__month_start(month_no) -%}
    make_date(({{ month_no }}) div 12, ({{ month_no }}) % 12 + 1, 1)
{%- endmacro %}
{% macro duckdb__month_start(month_no) -%}
    make_date(({{ month_no }}) // 12, ({{ month_no }}) % 12 + 1, 1)
{%- endmacro %}

{#- Last day of a numbered month. -#}
{% macro month_end(month_no) -%}
    {{ days_after(month_start('(' ~ month_no ~ ') + 1'), -1) }}
{%- endmacro %}

{#- One row for each month number from the first to the last, both included. -#}
{% macro each_month(first, last) -%}
    {{ adapter.dispatch('each_month')(first, last) }}
{%- endmacro %}
{% macro default__each_month(first, last) -%}
    explode(
        case when {{ first }} <= {{ last }} then sequence({{ first }}, {{ last }}) end
    )
{%- endmacro %}
{% macro duckdb__each_month(first, last) -%}
    cast(unnest(range({{ first }}, {{ last }} + 1)) as integer)
{%- endmacro %}

{#- The day so many days later. -#}
{% macro days_after(date, days) -%}
    {{ adapter.dispatch('days_after')(date, days) }}
{%- endmacro %}
{% macro default__days_after(date, days) -%}
    date_add({{ date }}, {{ days }})
{%- endmacro %}
{% macro duckdb__days_after(date, days) -%}({{ date }} + ({{ days }})){%- endmacro %}

{#- Days from one date to another; negative when the second is earlier. -#}
{% macro days_between(first, last) -%}
    {{ adapter.dispatch('days_between')(first, last) }}
{%- endmacro %}
{% macro default__days_between(first, last) -%}
    datediff({{ last }}, {{ first }})
{%- endmacro %}
{% macro duckdb__days_between(first, last) -%}
    cast({{ last }} - {{ first }} as integer)
{%- endmacro %}

{#- The same day so many months later, or the last of that month where it is shorter. -#}
{% macro months_after(date, months) -%}
    {{ adapter.dispatch('months_after')(date, months) }}
{%- endmacro %}
{% macro default__months_after(date, months) -%}
    add_months({{ date }}, {{ months }})
{%- endmacro %}
{% macro duckdb__months_after(date, months) -%}
    cast({{ date }} + to_months({{ months }}) as date)
{%- endmacro %}
