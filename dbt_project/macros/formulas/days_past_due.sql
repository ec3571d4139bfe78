{#- Day an instalment is paid for: its first day with enough money, or none yet.

`paid_so_far` is what had been paid by the end of `paid_on`, in currency. -#}
{% macro is_settled_by(paid_so_far, due_amount) -%}
    {{ paid_so_far }} >= {{ due_amount }} - {{ var('settlement_tolerance_amount') }}
{%- endmacro %}

{#- Days past due at the end of a day: 0 before the due day and once settled. -#}
{% macro days_past_due(due_on, settled_on, as_of) -%}
    case
        when {{ due_on }} >= {{ as_of }} or {{ settled_on }} <= {{ as_of }} then 0
        else {{ days_between(due_on, as_of) }}
    end
{%- endmacro %}

{#- Largest days past due reached by the end of a day: it stops at the settling day. -#}
{% macro days_past_due_reached(due_on, settled_on, as_of) -%}
    greatest(0, {{ days_between(due_on, 'least(' ~ settled_on ~ ', ' ~ as_of ~ ')') }})
{%- endmacro %}

{#- Day an instalment reaches so many days past due; null when settled before.

Paid on that very day it has been unpaid for that long, so the day is reached. -#}
{% macro event_day(due_on, settled_on, days=var('event_dpd_days')) -%}
    case
        when
            {{ settled_on }} is null
            or {{ settled_on }} >= {{ days_after(due_on, days) }}
            then {{ days_after(due_on, days) }}
    end
{%- endmacro %}
