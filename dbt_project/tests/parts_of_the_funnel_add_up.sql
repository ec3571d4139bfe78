-- Whoever was at a stage went on, went aside, or still waits.
with counts as (

    select
        {% for stage in funnel_stages() %}
            max(case when stage = '{{ stage }}' then n end) as {{ stage }},
            max(case when stage = '{{ stage }}' then n_waiting end)
                as {{ stage }}_waiting,
        {% endfor %}
        cohort_month
    from {{ ref('funnel_count') }}
    group by cohort_month

)

select *
from counts
where
    credit_applied <> credit_approved + credit_rejected + credit_applied_waiting
    or credit_approved <> drawdown_applied + approved_undrawn
    or drawdown_applied <> disbursed + drawdown_rejected + drawdown_applied_waiting
