"""A small published copy, with texts that mean harm."""

import duckdb

from comove.settings import Settings

HOSTILE = '<script>alert("x")</script>'
KEY = "00000000000000000000000000000001"


def publish_small(settings: Settings) -> Settings:
    """Publish borrowers, an index, a matrix of KS, an event, models, and odd texts."""
    settings.places.make()
    settings.places.serving.unlink(missing_ok=True)
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
                    as joint_risk_change, '{HOSTILE}' as region
            from marts.fct_borrower_month;
            create table audit.quarantine as
            select 'loans' as entity, '=HYPERLINK("x")' as reason, '{HOSTILE}' as raw;
            create table risk.default_event as
            select printf('%032d', 1) as borrower_key, 'e1' as event_id,
                date '2024-06-01' as month;
            create table risk.score_drift as
            select stage, stage_no, m as cohort_month, label, 0.3 + stage_no / 50 as ks,
                0.2 as ks_low, 0.5 as ks_high, true as is_available, true as is_mature,
                false as is_drift, 0.3 as ks_at_score, 'judged' as status,
                3 as n_good, 2 as n_bad
            from (values ('credit_applied', 1), ('disbursed', 4)) as s (stage, stage_no),
                (values (date '2024-05-01'), (date '2024-06-01')) as months (m),
                (values ('policy'), ('performance')) as labels (label);
            create table risk.linked_debtor as
            select 'e1' as event_id, printf('%032d', k) as borrower_key,
                '{HOSTILE}' as region, if(k = 2, null, 'retail') as industry,
                100.0 as exposure, 1 + 1.0 / k as link_lift, k / 10.0 as joint_risk_index,
                0.1 as joint_probability, if(k > 3, 'freeze', null) as strategy
            from range(2, 6) as rows (k);
            create table risk.strategy_action as
            select 'a' || borrower_key as action_id, event_id, borrower_key, strategy,
                'approved' as status, 'op' as decided_by
            from risk.linked_debtor where strategy is not null;
            create table risk.application_label as
            select printf('%032d', k) as application_key,
                date '2024-06-01' as cohort_month,
                '{HOSTILE}' as channel, 'r' as region, 'p' as product,
                if(k % 4 = 0, 'rejected', 'disbursed') as funnel_end,
                500e0 + (k * 37) % 101 as score,
                if((k * 37) % 101 + (k * 53) % 60 > 80, 'good', 'bad') as policy_label,
                null::varchar as performance_label
            from range(120) as rows (k);
            create table audit.run as
            select 'run1' as run_id, 'warehouse' as dag_id, date '2024-06-01' as month,
                timestamp '2024-07-01' as started_at;
            create table audit.model_registry as
            select 'm1' as model_version, 'pd' as purpose,
                'artifacts/models/m1/card.md' as card_path,
                timestamp '2024-07-01' as registered_at
            union all select 'm2', 'pd', 'artifacts/../secrets/key.md',
                timestamp '2024-07-01'
            union all select 'm3', 'overdue', null, timestamp '2024-07-01';
            create table audit.quality_result as
            select 'run1' as run_id, 'marts' as stage, true as success,
                'warning' as severity, timestamp '2024-07-01' as checked_at;
            """
        )
    (settings.places.reports / "quality").mkdir(parents=True, exist_ok=True)
    (settings.places.reports / "quality" / "latest.html").write_text("<p>gates</p>")
    (settings.places.reports / "quality" / "rows.csv").write_text("borrower_key\n1\n")
    answer = settings.places.reports / "default_response" / "2024-06"
    answer.mkdir(parents=True, exist_ok=True)
    (answer / "strategy_action.csv").write_text("borrower_key\n1\n")
    card = settings.places.artifacts / "models" / "m1" / "card.md"
    card.parent.mkdir(parents=True, exist_ok=True)
    card.write_text(f"# Card of m1\n\n| a | b |\n|---|---|\n| 1 | {HOSTILE} |\n")
    settings.places.docs.mkdir(parents=True, exist_ok=True)
    (settings.places.docs / "index.html").write_text("<p>docs</p>")
    return settings
