{#- SQL: the matrix of stages, cohort months and labels with its changes and flags, from
the relations `request`, `funnel`, `cells`, `shifts` and `intervals`. `keys` are the
columns of the cut to give, if any. -#}
{% macro score_matrix(keys=[]) %}
    with labels as (

        {% for label in drift_labels() -%}
            select '{{ label }}' as label
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    gridded as (

        select
            funnel.cut_by,
            funnel.cut_value,
            funnel.stage,
            funnel.stage_no,
            funnel.parent_stage,
            funnel.cohort_month,
            labels.label,
            funnel.is_available,
            funnel.n,
            funnel.n_scored,
            coalesce(cells.n_good, 0) as n_good,
            coalesce(cells.n_bad, 0) as n_bad,
            coalesce(cells.n_scores, 0) as n_scores,
            cells.ks,
            cells.ks_binned,
            cells.ks_at_score,
            baselines.ks as baseline_ks,
            coalesce(intervals.is_inverted, false) as is_inverted,
            -- A score the other way round tells apart as well, and decides wrongly.
            case when intervals.is_inverted then -cells.ks else cells.ks end as ks_signed,
            case
                when intervals.is_baseline_inverted then -baselines.ks
                else baselines.ks
            end as baseline_ks_signed,
            shifts.psi,
            shifts.score_shift_ks,
            funnel.cohort_month between request.baseline_from and request.baseline_to
                as is_baseline,
            -- The newest cohorts still move down the funnel, and their loans are young.
            case labels.label
                -- Few loans more or fewer move no KS; one that is never known, or drawn
                -- late, must not keep a cohort from being judged for ever.
                when 'performance'
                    then
                        coalesce(funnel.n_immature, 0)
                        <= request.max_unknown_share * coalesce(funnel.n_disbursed, 0)
                else
                    funnel.parent_stage is null
                    or {{ month_number('funnel.cohort_month') }} + request.settling_months
                    <= {{ month_number('request.month') }}
            end as is_mature,
            request.min_class_applications,
            request.tolerance,
            request.score_kind,
            request.month as as_of_month,
            request.run_id,
            {{ month_number('funnel.cohort_month') }} as month_no
        from funnel
        cross join labels
        cross join request
        left join cells
            on
                funnel.stage = cells.stage
                and funnel.cohort_month = cells.cohort_month
                and funnel.cut_by = cells.cut_by
                and funnel.cut_value = cells.cut_value
                and labels.label = cells.label
                and not cells.is_baseline
        left join cells as baselines
            on
                funnel.stage = baselines.stage
                and labels.label = baselines.label
                and funnel.cut_by = baselines.cut_by
                and funnel.cut_value = baselines.cut_value
                and baselines.is_baseline
        left join intervals
            on
                funnel.stage = intervals.stage
                and funnel.cohort_month = intervals.cohort_month
                and labels.label = intervals.label
                and funnel.cut_by = intervals.cut_by
                and funnel.cut_value = intervals.cut_value
        left join shifts
            on
                funnel.stage = shifts.stage
                and funnel.cohort_month = shifts.cohort_month
                and funnel.cut_by = shifts.cut_by
                and funnel.cut_value = shifts.cut_value

    ),

    compared as (

        select
            gridded.*,
            intervals.ks_low,
            intervals.ks_high,
            -- Outcomes have theirs from where KS has a sign, as their change has.
            case
                when gridded.label = 'performance' then intervals.expected_ks
                -- Chance may carry it a little beyond what a KS can be.
                when gridded.ks < intervals.selection_change then 0e0
                when gridded.ks > 1e0 + intervals.selection_change then 1e0
                else gridded.ks - intervals.selection_change
            end as expected_ks,
            gridded.ks_signed - above.ks_signed as vertical_change,
            intervals.vertical_change_low,
            intervals.vertical_change_high,
            gridded.ks_signed - earlier.ks_signed as horizontal_change,
            intervals.horizontal_change_low,
            intervals.horizontal_change_high,
            gridded.ks_signed - gridded.baseline_ks_signed as baseline_change,
            intervals.baseline_change as unbiased_change,
            intervals.baseline_change_low,
            intervals.baseline_change_high,
            intervals.selection_change,
            intervals.selection_change_low,
            intervals.selection_change_high,
            least(gridded.n_good, gridded.n_bad) < gridded.min_class_applications
                as is_thin
        from gridded
        left join gridded as above
            on
                gridded.parent_stage = above.stage
                and gridded.cohort_month = above.cohort_month
                and gridded.label = above.label
                and gridded.cut_by = above.cut_by
                and gridded.cut_value = above.cut_value
        left join gridded as earlier
            on
                gridded.stage = earlier.stage
                and gridded.month_no = earlier.month_no + 1
                and gridded.label = earlier.label
                and gridded.cut_by = earlier.cut_by
                and gridded.cut_value = earlier.cut_value
        left join intervals
            on
                gridded.stage = intervals.stage
                and gridded.cohort_month = intervals.cohort_month
                and gridded.label = intervals.label
                and gridded.cut_by = intervals.cut_by
                and gridded.cut_value = intervals.cut_value

    ),

    -- Where a drift of its own would show: at the top against the baseline, further down
    -- against what selection alone would have made of the stage above, and for outcomes,
    -- which only loans have, at the stage that makes loans, against the baseline's loans
    -- at the same scores.
    referred as (

        select
            *,
            case
                when label = 'performance' and stage = 'disbursed' then 'selection'
                when label = 'performance' then null
                when stage in ('credit_rejected', 'approved_undrawn', 'drawdown_rejected')
                    then null
                when parent_stage is null then 'baseline'
                else 'selection'
            end as drift_reference
        from compared

    ),

    judged as (

        select
            *,
            case drift_reference
                -- What an observed KS is above the true one hangs on the size of the cell.
                when 'baseline' then unbiased_change
                when 'selection' then selection_change
            end as drift_change,
            case drift_reference
                when 'baseline' then baseline_change_low
                when 'selection' then selection_change_low
            end as drift_change_low,
            case drift_reference
                when 'baseline' then baseline_change_high
                when 'selection' then selection_change_high
            end as drift_change_high
        from referred

    )

    select
        {% for key in keys %}{{ key }}, {% endfor %}
        stage,
        cohort_month,
        label,
        stage_no,
        parent_stage,
        is_available,
        case when is_available then n end as n,
        case when is_available then n_scored end as n_scored,
        case when is_available then n_good end as n_good,
        case when is_available then n_bad end as n_bad,
        case when is_available then ks end as ks,
        case when is_available then ks_at_score end as ks_at_score,
        is_available and is_inverted as is_inverted,
        case when is_available then ks_binned end as ks_binned,
        case when is_available then ks_low end as ks_low,
        case when is_available then ks_high end as ks_high,
        case when is_available then baseline_ks end as baseline_ks,
        case when is_available then psi end as psi,
        case when is_available then score_shift_ks end as score_shift_ks,
        case when is_available then vertical_change end as vertical_change,
        vertical_change_low,
        vertical_change_high,
        case when is_available then horizontal_change end as horizontal_change,
        horizontal_change_low,
        horizontal_change_high,
        case when is_available then baseline_change end as baseline_change,
        baseline_change_low,
        baseline_change_high,
        case when is_available then expected_ks end as expected_ks,
        case when is_available then selection_change end as selection_change,
        selection_change_low,
        selection_change_high,
        drift_reference,
        case when is_available then drift_change end as drift_change,
        drift_change_low,
        drift_change_high,
        is_baseline,
        is_mature,
        is_thin,
        is_available
        and is_mature
        and not is_thin
        and not is_baseline
        and coalesce(
            abs(drift_change) > tolerance
            and (drift_change_low > 0 or drift_change_high < 0),
            false
        ) as is_drift,
        case
            when not is_available then 'not available'
            when n = 0 then 'no applications'
            when n_scored = 0 then 'no scores'
            when n_good + n_bad = 0 then 'no labels'
            when n_good + n_bad = 1 then 'one application'
            when n_good = 0 or n_bad = 0 then 'one class'
            when n_scores = 1 then 'all scores equal'
            when not is_mature then 'immature'
            when is_thin then 'thin'
            -- Of the baseline, or of what it lets expect, there is too little.
            when
                drift_reference is not null
                and not is_baseline
                and (drift_change_low is null or drift_change_high is null)
                then 'not compared'
            else 'judged'
        end as status,
        score_kind,
        as_of_month,
        run_id
    from judged
{% endmacro %}
