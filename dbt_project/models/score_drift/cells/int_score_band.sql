{{ config(schema='intermediate') }}

{#- Enough to tell where a stage selects, few enough to hold applications. -#}
{% set bands = 20 %}
with counts as (

    select * from {{ ref('int_score_count') }}

),

scores as (

    select
        score,
        sum({{ stage_columns('n', 'credit_applied') | join(' + ') }}) as n
    from counts
    where not is_baseline and cut_by = 'all'
    group by score

),

places as (

    select
        score,
        (sum(n) over (
            order by score
            rows between unbounded preceding and current row
        ) - n) / sum(n) over () as share_below
    from scores

),

int_score_band as (

    select
        counts.cut_by,
        counts.cut_value,
        counts.cohort_month,
        counts.is_baseline,
        cast(floor(places.share_below * {{ bands }}) + 1 as integer) as band,
        {{ unpacked_ends('policy', 'counts') }},
        cast(sum({{ good_of('counts.performance_disbursed') }}) as bigint)
            as performance_good,
        cast(sum({{ bad_of('counts.performance_disbursed') }}) as bigint)
            as performance_bad
    from counts
    inner join places on counts.score = places.score
    group by
        counts.cut_by,
        counts.cut_value,
        counts.cohort_month,
        counts.is_baseline,
        cast(floor(places.share_below * {{ bands }}) + 1 as integer)

)

select * from int_score_band
