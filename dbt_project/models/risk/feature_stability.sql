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
window_shares as {{ read_once() }} (
    select
        windows.model_version,
        windows.trained_from,
        windows.trained_to,
        least(1e0, {{ stability_rows() }} / (1e0 * sum(month_sizes.n))) as row_share
    from windows
    inner join month_sizes
        on month_sizes.month between windows.trained_from and windows.trained_to
    group by windows.model_version, windows.trained_from, windows.trained_to
),

sampled as {{ read_once() }} (
    select
        {% for feature in features -%}
            borrower_months.{{ feature }},
        {% endfor -%}
        borrower_months.month,
        {{ hash_uniform(
            'borrower_months.borrower_key', 'borrower_months.month', 'request.seed'
        ) }} as draw
    from borrower_months
    inner join month_sizes on borrower_months.month = month_sizes.month
    cross join request
    where
        {{ hash_uniform(
            'borrower_months.borrower_key', 'borrower_months.month', 'request.seed'
        ) }} < {{ stability_rows() }} / (1e0 * month_sizes.n)
),

-- One row per feature from here on: a number, or a text.
long_rows as {{ inlined() }} (
    {% for feature, kind in features.items() %}
        select
            month,
            draw,
            '{{ feature }}' as feature,
            {{ stability_value(feature, kind) }}
        from sampled
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

reference_rows as {{ read_once() }} (
    select
        window_shares.model_version,
        long_rows.feature,
        long_rows.number_value,
        long_rows.text_value
    from long_rows
    inner join window_shares
        on
            long_rows.month between window_shares.trained_from
            and window_shares.trained_to
            and long_rows.draw < window_shares.row_share
),

edges as {{ read_once() }} (
    select
        model_version,
        feature,
        {{ quantiles('number_value', inner_shares(stability_bins())) }} as edges
    from reference_rows
    group by model_version, feature
),

reference_counts as {{ read_once() }} (
    select
        reference_rows.model_version,
        reference_rows.feature,
        {{ stability_bin('number_value', 'text_value', 'edges.edges') }} as bin,
        count(*) as n
    from reference_rows
    inner join edges
        on
            reference_rows.model_version = edges.model_version
            and reference_rows.feature = edges.feature
    group by reference_rows.model_version, reference_rows.feature, bin
),

month_counts as (
    select
        long_rows.month,
        long_rows.feature,
        {{ stability_bin('number_value', 'text_value', 'edges.edges') }} as bin,
        count(*) as n
    from long_rows
    inner join predicted_months on long_rows.month = predicted_months.month
    inner join edges
        on
            predicted_months.model_version = edges.model_version
            and long_rows.feature = edges.feature
    group by long_rows.month, long_rows.feature, bin
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
