{{ config(schema='intermediate') }}

select
    stage,
    cohort_month,
    cast(null as double) as psi,
    cast(null as double) as score_shift_ks
from {{ ref('funnel_count') }}
