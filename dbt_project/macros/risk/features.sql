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

{#- Bin of a feature as text; what is missing is a bin of its own. -#}
{% macro stability_bin(feature, kind, edges) -%}
    {%- if kind == 'number' -%}
        {%- set band = band_of(feature, elements(edges, stability_bins() - 1)) -%}
        coalesce(cast({{ band }} as varchar(10)), 'missing')
    {%- else -%}
        coalesce('is ' || cast({{ feature }} as varchar(200)), 'missing')
    {%- endif -%}
{%- endmacro %}

{#- One bin's part of the population stability index (Siddiqi, 2006); a share below one
in ten thousand counts as that. -#}
{% macro stability_part(share, reference_share) -%}
    (greatest({{ share }}, 1e-4) - greatest({{ reference_share }}, 1e-4))
    * ln(greatest({{ share }}, 1e-4) / greatest({{ reference_share }}, 1e-4))
{%- endmacro %}
