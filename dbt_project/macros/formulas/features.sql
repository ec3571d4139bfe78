{#- An expression where the portfolio has the entity, null where it does not: nobody knows
then whether there were none. -#}
{% macro if_delivered(entity, expression, type='integer') -%}
    {%- if entity in var('absent') -%}
        cast(null as {{ type }})
    {%- else -%}
        cast({{ expression }} as {{ type }})
    {%- endif -%}
{%- endmacro %}

{#- One number divided by another; null where the other is 0 or unknown. -#}
{% macro ratio(part, whole) -%}
    cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0)
{%- endmacro %}

{#- What a loan's contract asks for per month, in currency; null where its term is unknown.
A month has 365.25 / 12 = 30.4375 days. -#}
{% macro monthly_instalment(principal, share, instalments, cycle_days) -%}
    {{ principal }} / nullif({{ share }} * {{ instalments }}, 0)
    * case when {{ is_monthly(cycle_days) }} then 1.0 else 30.4375 / {{ cycle_days }} end
{%- endmacro %}

{#- Last day a loan may take by its contract: the end of its term, the last of its
instalments where the term is no whole number of months, else its one cycle. -#}
{% macro agreed_end(matures_on, last_due_on, disbursed_on, cycle_days) -%}
    coalesce(
        {{ matures_on }},
        {{ last_due_on }},
        {{ days_after(disbursed_on, cycle_days) }}
    )
{%- endmacro %}

{#- When an application was refused. Not every lender records it; the refusal is then taken
to have come at once. -#}
{% macro refused_at(decision, decided_at, applied_at) -%}
    case
        when {{ decision }} = 'rejected' then coalesce({{ decided_at }}, {{ applied_at }})
    end
{%- endmacro %}

{#- Window of the last months up to the row's own, by number of the month. -#}
{% macro last_months(months) -%}
    range between {{ months - 1 }} preceding and current row
{%- endmacro %}

{#- A sum or mean of floating-point numbers without its last digits: these depend on the
order in which rows are read, and a model must be the same when it is made again. -#}
{% macro repeatable(expression) -%}
    round({{ expression }}, 9)
{%- endmacro %}
