{#- How far back a feature looks: months of a borrower-month, days of an application. What
counted everything ever delivered (loans so far, worst lateness ever, months known) would
grow with every month of history, be calendar time in disguise and swallow the common
factor. Twelve months are the longest of the other windows, hold every season once, and are
full a year after a lender's first file. -#}
{% macro memory_months() %}{{ return(12) }}{% endmacro %}
{% macro memory_days() %}{{ return(365) }}{% endmacro %}

{#- A time since something, from 0 up to the end of memory; null where it never was. -#}
{% macro remembered(since, memory) -%}
    case
        when {{ since }} < 0 then 0
        when {{ since }} > {{ memory }} then {{ memory }}
        else {{ since }}
    end
{%- endmacro %}

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

{#- A feature as a number and as a text; one of the two is null. -#}
{% macro stability_number(feature, kind) -%}
    cast({{ feature if kind == 'number' else 'null' }} as double)
{%- endmacro %}
{% macro stability_text(feature, kind) -%}
    cast({{ feature if kind != 'number' else 'null' }} as varchar(200))
{%- endmacro %}

{#- SQL: how many rows of each key have each value of each feature. Rows are counted
before they are put into bins: most features have few values, and many none at all. -#}
{% macro stability_values(relation, key, features) %}
    {% for feature, kind in features.items() %}
        select
            {{ key }},
            '{{ feature }}' as feature,
            {{ stability_number(feature, kind) }} as number_value,
            {{ stability_text(feature, kind) }} as text_value,
            count(*) as n
        from {{ relation }}
        group by {{ key }}, {{ feature }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}

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
