{#- Features of a model by name, number or category, as its yml says; empty while dbt
parses. -#}
{% macro features_of(model_name) %}
    {% set features = {} %}
    {% if execute %}
        {% set node = graph.nodes['model.' ~ project_name ~ '.' ~ model_name] %}
        {% for column in node.columns.values() %}
            {% set kind = column.config.meta.get('feature') %}
            {% if kind %}{% do features.update({column.name: kind}) %}{% endif %}
        {% endfor %}
    {% endif %}
    {% do return(features) %}
{% endmacro %}

{#- Rows of a month, and of a reference, that the stability of features is judged by. Of
two samples of so many rows the index of ten bins is 0.001 too high on average. -#}
{% macro stability_rows() %}{{ return(20000) }}{% endmacro %}

{#- Bins of a number: tenths of the reference. -#}
{% macro stability_bins() %}{{ return(10) }}{% endmacro %}

{#- The two columns a feature is read as: number_value and text_value. -#}
{% macro stability_value(feature, kind) -%}
    {%- set number = feature if kind == 'number' else 'null' -%}
    {%- set text = feature if kind != 'number' else 'null' -%}
    cast({{ number }} as double) as number_value,
    cast({{ text }} as varchar(200)) as text_value
{%- endmacro %}

{#- Bin of a feature as text; what is missing is a bin of its own. -#}
{% macro stability_bin(number_value, text_value, edges) -%}
    coalesce(
        cast(
            {{ band_of(number_value, elements(edges, stability_bins() - 1)) }}
            as varchar(10)
        ),
        'is ' || {{ text_value }},
        'missing'
    )
{%- endmacro %}

{#- One bin's part of the population stability index (Siddiqi, 2006); a share below one
in ten thousand counts as that. -#}
{% macro stability_part(share, reference_share) -%}
    (greatest({{ share }}, 1e-4) - greatest({{ reference_share }}, 1e-4))
    * ln(greatest({{ share }}, 1e-4) / greatest({{ reference_share }}, 1e-4))
{%- endmacro %}
