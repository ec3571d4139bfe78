{#- SQL: whether the outcome of an application (`features`, rows of feat_application) was
known before a day. The last month that was built may hold words of the lender ahead of the
agreed day of a loan: they are as old as the delivery, `horizon` its month. -#}
{% macro is_outcome_known(features, known_before, horizon) -%}
    coalesce(
        {{ features }}.is_mature and (
            {{ features }}.outcome_known_on < {{ known_before }}
            or (
                {{ features }}.outcome_source = 'reported'
                and {{ horizon }} < {{ known_before }}
            )
        ),
        false
    )
{%- endmacro %}
