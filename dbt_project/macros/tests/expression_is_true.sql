{#- Rows for which an expression does not hold; unknown (null) does not hold either. -#}
{% test expression_is_true(model, expression) %}
    select *
    from {{ model }}
    where not coalesce({{ expression }}, false)
{% endtest %}
