{#- Attribute of a borrower that an effect of the joint model goes by. `setting` is SQL of
its name: region, industry, kind, or none, where all borrowers are alike. -#}
{% macro copula_attribute(setting, relation) -%}
    case {{ setting }}
        when 'region' then {{ relation }}.region
        when 'industry' then {{ relation }}.industry
        when 'kind' then {{ relation }}.kind
        else 'all'
    end
{%- endmacro %}

{#- A probability in trillionths: sums of integers do not depend on the order of the rows,
so that no rerun moves an edge or a group. -#}
{% macro in_trillionths(probability) -%}
    cast(round({{ probability }} * 1e12) as bigint)
{%- endmacro %}
