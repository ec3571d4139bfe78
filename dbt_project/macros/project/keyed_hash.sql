{#- HMAC-SHA256 of a text, the first 32 hexadecimal digits; null stays null.

The two padded keys are session variables set by `comove.warehouse.dbt_plugin`, so the
key is in no compiled SQL, manifest or log. -#}
{% macro keyed_hash(expression) -%}
    {{ adapter.dispatch('keyed_hash')(expression) }}
{%- endmacro %}

{% macro default__keyed_hash(expression) -%}
    {{ exceptions.raise_compiler_error('keyed_hash is not written for ' ~ target.type) }}
{%- endmacro %}

{% macro duckdb__keyed_hash(expression) -%}
    left(sha256(getvariable('comove_outer_pad') || unhex(sha256(
        getvariable('comove_inner_pad') || encode(cast({{ expression }} as varchar))
    ))), 32)
{%- endmacro %}
