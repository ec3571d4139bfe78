{#- Bands of pd: eight, each with as many borrower-months as the next. -#}
{% macro pd_bands() %}{{ return(8) }}{% endmacro %}

{#- SQL: the inner edges of the bands in one row, from the rows of `pd_band`. -#}
{% macro pd_band_edges(bands) %}
    select
        {% for band in range(1, pd_bands()) -%}
            max(case when pd_band = {{ band }} then pd_to end) as edge_{{ band }}
            {{- ',' if not loop.last }}
        {% endfor %}
    from {{ bands }}
{% endmacro %}

{#- Band of a pd, from 1; `edges` is how the query calls the row of edges. -#}
{% macro pd_band_of(pd, edges) -%}
    {% set names = [] %}
    {% for band in range(1, pd_bands()) %}
        {% do names.append(edges ~ '.edge_' ~ band) %}
    {% endfor %}
    {{- band_of(pd, names) }}
{%- endmacro %}
