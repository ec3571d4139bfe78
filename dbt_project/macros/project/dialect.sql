{#- Small differences between warehouses, one macro each. -#}

{#- Keeps a CTE that is used twice from being held in memory whole. -#}
{% macro inlined() -%}{{ adapter.dispatch('inlined')() }}{%- endmacro %}
{% macro default__inlined() -%}{%- endmacro %}
{% macro duckdb__inlined() -%}not materialized{%- endmacro %}

{#- Has a CTE that is used more than once computed once. -#}
{% macro read_once() -%}{{ adapter.dispatch('read_once')() }}{%- endmacro %}
{% macro default__read_once() -%}{%- endmacro %}
{% macro duckdb__read_once() -%}materialized{%- endmacro %}

{#- 64-bit hash of several columns; equal values give equal hashes. -#}
{% macro row_hash(columns) -%}{{ adapter.dispatch('row_hash')(columns) }}{%- endmacro %}
{% macro default__row_hash(columns) -%}xxhash64({{ columns | join(', ') }}){%- endmacro %}
{% macro duckdb__row_hash(columns) -%}hash({{ columns | join(', ') }}){%- endmacro %}

{#- Whether a floating-point number is neither infinite nor NaN. -#}
{% macro is_finite(expression) -%}
    {{ adapter.dispatch('is_finite')(expression) }}
{%- endmacro %}
{% macro default__is_finite(expression) -%}
    ({{ expression }} - {{ expression }} = 0)
{%- endmacro %}
{% macro duckdb__is_finite(expression) -%}isfinite({{ expression }}){%- endmacro %}

{#- A whole row as a JSON object; `alias` is how the query calls its table. -#}
{% macro row_json(alias) -%}{{ adapter.dispatch('row_json')(alias) }}{%- endmacro %}
{% macro default__row_json(alias) -%}to_json(struct({{ alias }}.*)){%- endmacro %}
{% macro duckdb__row_json(alias) -%}
    cast(to_json({{ alias }}) as varchar)
{%- endmacro %}
