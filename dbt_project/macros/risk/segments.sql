{#- Segments that residuals are looked at by: kind of segment, and its SQL. -#}
{% macro residual_segments() %}
    {% do return({
        'all': "'all'",
        'pd_band': 'cast(pd_band as varchar(10))',
        'region': 'region',
        'industry': 'industry',
        'kind': 'kind',
        'month': 'cast(month as varchar(10))',
    }) %}
{% endmacro %}

{#- Segments that the quality of predictions is looked at by. -#}
{% macro performance_segments() %}
    {% do return({
        'all': "'all'", 'region': 'region', 'industry': 'industry', 'kind': 'kind',
    }) %}
{% endmacro %}
