{{ config(schema='intermediate') }}

with counts as (

    select * from {{ ref('int_score_count') }}

),

int_score_cell as ({{ score_cells('counts', ['cohort_month', 'is_baseline']) }})

select
    *,
    cast(null as double) as ks_binned,
    cast(null as double) as ks_at_score
from int_score_cell
