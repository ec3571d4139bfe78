{%- set features = features_of('feat_borrower_month') -%}
with request as (
    select * from {{ source('audit', 'risk_request') }}
),

borrower_months as (
    select * from {{ ref('feat_borrower_month') }}
),

registry as (
    select * from {{ source('audit', 'model_registry') }}
),

-- The model in force in each month, and what it was trained on.
models_in_force as (
    select
        month,
        max(model_version) as model_version
    from {{ source('risk', 'pd_prediction') }}
    group by month
    union all
    select
        month,
        max(model_version) as model_version
    from {{ source('risk', 'pd_forecast') }}
    group by month
),

predicted_months as {{ read_once() }} (
    select
        month,
        max(model_version) as model_version
    from models_in_force
    group by month
),

windows as (
    select
        registry.model_version,
        registry.trained_from,
        registry.trained_to
    from registry
    where
        registry.model_version in (
            select predicted_months.model_version from predicted_months
        )
),

month_sizes as {{ read_once() }} (
    select
        month,
        count(*) as n
    from borrower_months
    group by month
),

-- A part of the rows, always the same one, is enough to tell a shift.
window_months as {{ read_once() }} (
    select
        windows.model_version,
        month_sizes.month,
        least(
            1e0,
            {{ stability_rows() }}
            / (1e0 * sum(month_sizes.n) over (partition by windows.model_version))
        ) as row_share
    from windows
    inner join month_sizes
        on month_sizes.month between windows.trained_from and windows.trained_to
),

-- Rows that neither a month nor a reference is judged by are left before any feature is
-- looked at.
row_shares as (
    select
        month_sizes.month,
        max(
            case
                when predicted_months.month is not null
                    then {{ stability_rows() }} / (1e0 * month_sizes.n)
                else 0e0
            end
        ) as month_share,
        coalesce(max(window_months.row_share), 0e0) as reference_share
    from month_sizes
    left join predicted_months on month_sizes.month = predicted_months.month
    left join window_months on month_sizes.month = window_months.month
    group by month_sizes.month
),

drawn as {{ inlined() }} (
    select
        {% for feature in features -%}
            borrower_months.{{ feature }},
        {% endfor -%}
        borrower_months.month,
        {{ hash_uniform(
            'borrower_months.borrower_key', 'borrower_months.month', 'request.seed'
        ) }} as draw
    from borrower_months
    cross join request
),

sampled as {{ read_once() }} (
    select
        drawn.*,
        drawn.draw < row_shares.month_share as is_of_month,
        drawn.draw < row_shares.reference_share as is_of_reference
    from drawn
    inner join row_shares on drawn.month = row_shares.month
    where drawn.draw < greatest(row_shares.month_share, row_shares.reference_share)
),

month_rows as {{ inlined() }} (
    select * from sampled
    where is_of_month
),

reference_rows as {{ read_once() }} (
    select
        {% for feature in features -%}
            sampled.{{ feature }},
        {% endfor -%}
        window_months.model_version
    from sampled
    inner join window_months
        on
            sampled.month = window_months.month
            and sampled.draw < window_months.row_share
    where sampled.is_of_reference
),

edges as {{ read_once() }} (
    {% for feature, kind in features.items() %}
        select
            model_version,
            '{{ feature }}' as feature,
            {{ quantiles(
                stability_number(feature, kind), inner_shares(stability_bins())
            ) }} as edges
        from reference_rows
        group by model_version
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

reference_values as {{ inlined() }} (
    {{ stability_values('reference_rows', 'model_version', features) }}
),

month_values as {{ inlined() }} (
    {{ stability_values('month_rows', 'month', features) }}
),

reference_counts as {{ read_once() }} (
    select
        reference_values.model_version,
        reference_values.feature,
        {{ stability_bin('number_value', 'text_value', 'edges.edges') }} as bin,
        sum(reference_values.n) as n
    from reference_values
    inner join edges
        on
            reference_values.model_version = edges.model_version
            and reference_values.feature = edges.feature
    group by reference_values.model_version, reference_values.feature, bin
),

month_counts as (
    select
        month_values.month,
        month_values.feature,
        {{ stability_bin('number_value', 'text_value', 'edges.edges') }} as bin,
        sum(month_values.n) as n
    from month_values
    inner join predicted_months on month_values.month = predicted_months.month
    inner join edges
        on
            predicted_months.model_version = edges.model_version
            and month_values.feature = edges.feature
    group by month_values.month, month_values.feature, bin
),

both_counts as (
    select
        month,
        feature,
        bin,
        n,
        0 as reference_n
    from month_counts
    union all
    select
        predicted_months.month,
        reference_counts.feature,
        reference_counts.bin,
        0 as n,
        reference_counts.n as reference_n
    from reference_counts
    inner join predicted_months
        on reference_counts.model_version = predicted_months.model_version
),

bins as (
    select
        month,
        feature,
        bin,
        1e0 * sum(n)
        / nullif(sum(sum(n)) over (partition by month, feature), 0) as row_part,
        1e0 * sum(reference_n)
        / nullif(sum(sum(reference_n)) over (partition by month, feature), 0)
            as reference_part,
        cast(sum(sum(n)) over (partition by month, feature) as bigint) as n_judged
    from both_counts
    group by month, feature, bin
),

feature_stability as (
    select
        bins.month,
        bins.feature,
        predicted_months.model_version,
        max(bins.n_judged) as n_judged,
        sum({{ stability_part('bins.row_part', 'bins.reference_part') }}) as psi,
        sum(case when bins.bin = 'missing' then bins.row_part else 0e0 end)
            as missing_share,
        sum(case when bins.bin = 'missing' then bins.reference_part else 0e0 end)
            as reference_missing_share
    from bins
    inner join predicted_months on bins.month = predicted_months.month
    where bins.n_judged > 0
    group by bins.month, bins.feature, predicted_months.model_version
)

select * from feature_stability
