{#- What the joint mass is reported by: attribute, and its SQL. -#}
{% macro joint_risk_attributes() %}
    {% do return({'all': "'all'", 'region': 'region', 'industry': 'industry'}) %}
{% endmacro %}
