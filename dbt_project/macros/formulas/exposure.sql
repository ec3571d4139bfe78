{#- Whether instalments fall due once a month; an unknown cycle is read as monthly. -#}
{% macro is_monthly(cycle_days) -%}
    coalesce({{ cycle_days }} between 28 and 31, true)
{%- endmacro %}

{#- Instalments of the whole term; null when the term is unknown. A month has
365.25 / 12 = 30.4375 days. -#}
{% macro instalment_count(term_months, cycle_days) -%}
    case
        when {{ term_months }} is null or {{ is_monthly(cycle_days) }}
            then {{ term_months }}
        else cast(
            greatest(1, round({{ term_months }} * 30.4375 / {{ cycle_days }})) as integer
        )
    end
{%- endmacro %}

{#- Interest of one instalment's period, as a fraction. -#}
{% macro period_rate(annual_rate, cycle_days) -%}
    case
        when {{ is_monthly(cycle_days) }} then {{ annual_rate }} / 12
        else {{ annual_rate }} * {{ cycle_days }} / 365.25
    end
{%- endmacro %}

{#- Principal over the sum of all contractual instalments, by the annuity formula

    instalment = principal * i / (1 - (1 + i) ^ -n),
    share = principal / (n * instalment) = (1 - (1 + i) ^ -n) / (n * i);

1 when nothing is charged, or rate or term are unknown. Below a rate of 1e-9 the quotient
loses its digits and differs from 1 by less than 1e-6. -#}
{% macro principal_share(period_rate, instalment_count) -%}
    case
        when {{ period_rate }} > 1e-9 and {{ instalment_count }} > 0
            then
                (1 - power(1 + {{ period_rate }}, -{{ instalment_count }}))
                / ({{ instalment_count }} * {{ period_rate }})
        else 1.0
    end
{%- endmacro %}

{#- Principal still owed, in currency; what is paid beyond it leaves 0.

`shift` is how far restructurings have moved the principal, in currency. -#}
{% macro outstanding_principal(principal, shift, share, paid) -%}
    cast(
        round(greatest(0.0, {{ principal }} + {{ shift }} - {{ share }} * {{ paid }}), 2)
        as decimal(18, 2)
    )
{%- endmacro %}
