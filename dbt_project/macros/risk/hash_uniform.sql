{#- A number strictly between 0 and 1 that looks random and repeats: the first 52 bits of
an MD5 of borrower, month and seed, k, as (k + 1/2) / 2^52. Same number on every
warehouse. -#}
{% macro hash_uniform(borrower_key, month, seed) -%}
    ({{ leading_bits_52(
        'md5(' ~ borrower_key ~ " || '|' || cast(" ~ month ~ " as varchar(10)) || '|' || "
        ~ 'cast(' ~ seed ~ ' as varchar(20)))'
    ) }} + 0.5e0) / 4503599627370496e0
{%- endmacro %}

{#- First 13 hexadecimal digits of a text as an integer. -#}
{% macro leading_bits_52(hexadecimal) -%}
    {{ adapter.dispatch('leading_bits_52')(hexadecimal) }}
{%- endmacro %}
{% macro default__leading_bits_52(hexadecimal) -%}
    cast(conv(left({{ hexadecimal }}, 13), 16, 10) as bigint)
{%- endmacro %}
{% macro duckdb__leading_bits_52(hexadecimal) -%}
    cast('0x' || left({{ hexadecimal }}, 13) as bigint)
{%- endmacro %}
