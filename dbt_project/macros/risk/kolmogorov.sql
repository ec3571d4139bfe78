{#- Probability of a Kolmogorov-Smirnov distance at least so large, of n independent
uniforms: Kolmogorov's series at lambda = d (sqrt(n) + 0.12 + 0.11 / sqrt(n)) (Stephens,
1970). From n = 10 on it is within 0.003 of the exact value where that is below 0.2, and
within 0.025 elsewhere. Null where n is 0. -#}
{% macro kolmogorov_p_value(distance, n) -%}
    {%- set x = '(' ~ distance ~ ' * (sqrt(' ~ n ~ ') + 0.12e0 + 0.11e0 / sqrt(' ~ n
        ~ ')))' -%}
    case
        when {{ n }} = 0 or {{ distance }} is null then null
        -- Below it the probability is 1 to ten decimals.
        when {{ x }} < 0.2e0 then 1e0
        -- Each of the two series needs few terms where the other needs many.
        when {{ x }} < 1.18e0
            then greatest(0e0, 1 - 2.5066282746310002e0 / {{ x }} * (
                {%- for odd in [1, 3, 5] %}
                    {{ 'exp(-' ~ odd * odd ~ ' * 1.2337005501361697e0 / (' ~ x ~ ' * '
                        ~ x ~ '))' }}{{ ' +' if not loop.last }}
                {%- endfor %}
            ))
        else 2 * (
            {%- for k in [1, 2, 3, 4] %}
                {{ '- ' if k % 2 == 0 else ('+ ' if k > 1 else '') }}
                {{- 'exp(-' ~ 2 * k * k ~ ' * ' ~ x ~ ' * ' ~ x ~ ')' }}
            {%- endfor %}
        )
    end
{%- endmacro %}
