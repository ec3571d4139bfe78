"""A small published copy, with texts that mean harm."""

import duckdb

from comove.settings import Settings

HOSTILE = '<script>alert("x")</script>'
KEY = "00000000000000000000000000000001"


def publish_small(settings: Settings) -> Settings:
    """Publish borrowers, an index of two months, a matrix of KS, and odd texts."""
    settings.places.make()
    with duckdb.connect(settings.places.serving) as connection:
        connection.execute(
            f"""
            create schema marts; create schema risk; create schema audit;
            create table marts.fct_borrower_month as
            select printf('%032d', k) as borrower_key, m as month, true as is_at_risk,
                k = 1 and m = date '2024-06-01' as is_event,
                if(k < 4, 10, 0) as current_dpd_max, 100.0 as exposure
            from range(120) as rows (k), (values (date '2024-05-01'),
                (date '2024-06-01')) as months (m);
            create table marts.dim_borrower as
            select printf('%032d', k) as borrower_key, '{HOSTILE}' as region
            from range(120) as rows (k);
            create table risk.joint_risk_index as
            select borrower_key, month + interval 1 month as month,
                month as as_of_month, 1 + current_dpd_max / 10.0 as joint_risk_index,
                if(month = date '2024-05-01', null, current_dpd_max / 10.0)
                    as joint_risk_change
            from marts.fct_borrower_month;
            create table audit.quarantine as
            select 'loans' as entity, '=HYPERLINK("x")' as reason, '{HOSTILE}' as raw;
            create table risk.default_event as
            select printf('%032d', 1) as borrower_key, 'e1' as event_id,
                date '2024-06-01' as month;
            create table risk.score_drift as
            select stage, stage_no, m as cohort_month, label, 0.3 + stage_no / 50 as ks,
                0.2 as ks_low, 0.5 as ks_high, true as is_available, true as is_mature,
                false as is_drift
            from (values ('credit_applied', 1), ('disbursed', 4)) as s (stage, stage_no),
                (values (date '2024-05-01'), (date '2024-06-01')) as months (m),
                (values ('policy'), ('performance')) as labels (label);
            create table audit.quality_result as
            select 'marts' as stage, true as success, 'warning' as severity,
                timestamp '2024-07-01' as checked_at;
            """
        )
    (settings.places.reports / "quality").mkdir(parents=True)
    (settings.places.reports / "quality" / "latest.html").write_text("<p>gates</p>")
    settings.places.docs.mkdir(parents=True, exist_ok=True)
    (settings.places.docs / "index.html").write_text("<p>docs</p>")
    return settings
