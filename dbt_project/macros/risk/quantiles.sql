{#- Quantiles of a column as one list, by linear interpolation (as numpy's default). -#}
{% macro quantiles(expression, shares) -%}
    {{ adapter.dispatch('quantiles')(expression, shares) }}
{%- endmacro %}
{% macro default__quantiles(expression, shares) -%}
    percentile({{ expression }}, array({{ shares | join(', ') }}))
{%- endmacro %}
{% macro duckdb__quantiles(expression, shares) -%}
    quantile_cont({{ expression }}, [{{ shares | join(', ') }}])
{%- endmacro %}

{#- Element of a list, counted from 1. -#}
{% macro element(list, position) -%}
    {{ adapter.dispatch('element')(list, position) }}
{%- endmacro %}
{% macro default__element(list, position) -%}
    element_at({{ list }}, {{ position }})
{%- endmacro %}
{% macro duckdb__element(list, position) -%}{{ list }}[{{ position }}]{%- endmacro %}

{#- SQL of each of the first so many elements of a list. -#}
{% macro elements(list, length) -%}
    {% set expressions = [] %}
    {% for position in range(1, length + 1) %}
        {% do expressions.append(element(list, position)) %}
    {% endfor %}
    {% do return(expressions) %}
{%- endmacro %}

{#- The inner edges of so many bands with equal shares, as shares: 0.25, 0.5, 0.75. -#}
{% macro inner_shares(bands) -%}
    {% set shares = [] %}
    {% for k in range(1, bands) %}{% do shares.append(k / bands) %}{% endfor %}
    {% do return(shares) %}
{%- endmacro %}

{#- Band of a value, from 1: one more than the number of inner edges below it; a value on
an edge belongs to the band under it. `edges` are SQL expressions. Null stays null. -#}
{% macro band_of(value, edges) -%}
    case
        when {{ value }} is not null
            then
                1
                {%- for edge in edges %}
                + case when {{ value }} > {{ edge }} then 1 else 0 end
                {%- endfor %}
    end
{%- endmacro %}
