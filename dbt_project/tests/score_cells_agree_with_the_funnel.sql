-- Good and bad of a cell are counted through packed sums; here they are counted plainly.
{{ config(tags=['score_cells']) }}

with labels as (

    select
        cohort_month,
        cast(sum(case when policy_label = 'good' then 1 else 0 end) as bigint) as n_good,
        cast(sum(case when policy_label = 'bad' then 1 else 0 end) as bigint) as n_bad
    from {{ ref('application_label') }}
    where score is not null
    group by cohort_month

),

cells as (

    select * from {{ ref('int_score_cell') }}
    where
        not is_baseline
        and cut_by = 'all'
        and stage = 'credit_applied'
        and label = 'policy'

)

select labels.*
from labels
left join cells on labels.cohort_month = cells.cohort_month
where
    coalesce(cells.n_good, -1) <> labels.n_good
    or coalesce(cells.n_bad, -1) <> labels.n_bad
