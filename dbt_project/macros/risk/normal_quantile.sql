{#- Quantile of the standard normal distribution, for 0 < p < 1 (`p` a column): Acklam's
rational approximation (2003), relative error below 1.2e-9. -#}
{% macro normal_quantile(p) -%}
    case
        when {{ p }} < 0.02425e0 then {{ _normal_tail('sqrt(-2 * ln(' ~ p ~ '))') }}
        when {{ p }} > 0.97575e0
            then -({{ _normal_tail('sqrt(-2 * ln(1 - ' ~ p ~ '))') }})
        else {{ _normal_centre('(' ~ p ~ ' - 0.5e0)') }}
    end
{%- endmacro %}

{% macro _normal_centre(q) -%}
    {%- set r = q ~ ' * ' ~ q -%}
    {{ q }} * {{ polynomial(r, [
        '-3.969683028665376e1', '2.209460984245205e2', '-2.759285104469687e2',
        '1.383577518672690e2', '-3.066479806614716e1', '2.506628277459239e0',
    ]) }}
    / {{ polynomial(r, [
        '-5.447609879822406e1', '1.615858368580409e2', '-1.556989798598866e2',
        '6.680131188771972e1', '-1.328068155288572e1', '1e0',
    ]) }}
{%- endmacro %}

{% macro _normal_tail(q) -%}
    {{ polynomial(q, [
        '-7.784894002430293e-3', '-3.223964580411365e-1', '-2.400758277161838e0',
        '-2.549732539343734e0', '4.374664141464968e0', '2.938163982698783e0',
    ]) }}
    / {{ polynomial(q, [
        '7.784695709041462e-3', '3.224671290700398e-1', '2.445134137142996e0',
        '3.754408661907416e0', '1e0',
    ]) }}
{%- endmacro %}

{#- A polynomial by Horner's rule; the coefficient of the highest power stands first. -#}
{% macro polynomial(x, coefficients) -%}
    {{ '(' * (coefficients | length) -}}
    {{ coefficients[0] }})
    {%- for coefficient in coefficients[1:] %} * {{ x }} + {{ coefficient }})
    {%- endfor %}
{%- endmacro %}
