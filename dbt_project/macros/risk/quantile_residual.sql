{#- Randomised quantile residual of a 0/1 outcome (Dunn and Smyth, 1996): a point drawn
uniformly between F(y - 1) and F(y),

    v = u (1 - pd) without event, v = 1 - pd + u pd with event,

uniform on (0, 1) when `pd` is right. Kept off 0 and 1 by 2^-53, where rounding would
reach them and the normal score would be infinite. -#}
{% macro quantile_residual(is_event, pd, u) -%}
    greatest(
        1.1102230246251565e-16,
        least(
            1 - 1.1102230246251565e-16,
            case
                when {{ is_event }} then 1 - {{ pd }} + {{ u }} * {{ pd }}
                else {{ u }} * (1 - {{ pd }})
            end
        )
    )
{%- endmacro %}

{#- Empirical distribution function from a count of points that are not above, out of
n: count / (n + 1), kept off 0 and 1; null where n is 0. -#}
{% macro distribution_value(n_not_above, n) -%}
    greatest(1, least({{ n_not_above }}, {{ n }})) / (nullif({{ n }}, 0) + 1e0)
{%- endmacro %}
