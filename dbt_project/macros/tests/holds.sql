{#- Rows for which a statement about their columns is not true; unknown is not true. -#}
{% test holds(model, expression) %}
    select *
    from {{ model }}
    where ({{ expression }}) is not true
{% endtest %}
