"""The gate of the risk tables: what it lets through and what it notices."""

import pytest

from comove.connection import connect
from comove.errors import GateFailedError
from comove.quality import run_gate
from comove.quality.suite import load_suite
from comove.risk_model.tables import ensure_risk_tables

# What dbt makes from the predictions.
DBT_TABLES = """
    create table risk.residual (
        borrower_key varchar, month date, is_event boolean, pd double, residual double,
        quantile_residual double, uniform double, pd_star double, region varchar,
        industry varchar, pd_band integer, is_in_window boolean, model_version varchar
    );
    create table risk.residual_uniformity (
        segment_kind varchar, segment varchar, n bigint, ks_statistic double,
        p_value double, ks_statistic_uniform double
    );
    create table risk.model_calibration (
        algorithm varchar, month date, pd_band integer, n bigint, events bigint,
        mean_pd double
    );
    create table risk.feature_stability (
        month date, feature varchar, psi double, missing_share double,
        reference_missing_share double
    );
"""
MODEL = "pd-logit-2025-07-0a1b2c3d"
# 700 borrowers over thirteen months at 1 to 3 %, with as many events as expected.
PREDICTIONS = f"""
    update audit.run set month = '2026-06-01';
    insert into risk.pd_prediction
    select
        'b' || who, (date '2025-06-01' + to_months(cast(month as integer)))::date,
        0.01 + 0.02 * who / 700, (who * 13 + month) % 50 = 0, '{MODEL}', 'logit', true
    from range(700) as b (who), range(13) as m (month);
    insert into risk.pd_forecast
    select 'b' || who, '2026-07-01', 0.02, '{MODEL}', 'logit' from range(700) as b (who);
    insert into risk.residual
    select
        borrower_key, month, is_event, pd, is_event::integer - pd, place, place, pd,
        'north', 'retail', 1, true, model_version
    from (
        select *, row_number() over (order by hash(borrower_key, month))
            / (count(*) over () + 1) as place
        from risk.pd_prediction
    );
    insert into risk.residual_uniformity values
        ('all', 'all', 9100, 0.01, 0.3, 0.0001), ('region', 'north', 9100, 0.2, 0, 0.2);
    insert into risk.model_calibration values
        ('logit', null, 1, 4550, 65, 0.015), ('logit', null, 2, 4550, 117, 0.025),
        ('logit', '2026-06-01', 1, 350, 0, 0.015), ('xgboost', null, 1, 4550, 65, 0.9);
    insert into risk.feature_stability values
        ('2025-06-01', 'dpd_days', 3.0, 1.0, 0.0),
        ('2026-06-01', 'dpd_days', 0.1, 0.3, 0.2),
        ('2026-07-01', 'dpd_days', null, 0.3, 0.2);
"""
# 79.9 applications expected to be bad, and 80 that are.
SCORES = """
    insert into risk.score by name
    select
        'a' || n as application_key, date '2026-06-01' as as_of,
        600 - n as score, 0.3 + n / 1000 as pd,
        'application-logit-2025-07-1b' as model_version, 'out_of_time' as scoring,
        '[]' as reason_codes, if(n % 5 < 2, 'bad', 'good') as performance_label,
        true as is_mature
    from range(200) as a (n);
"""
REGISTRY = f"""
    insert into audit.model_registry
    select
        version, purpose, 'logit', status, status = 'champion', 'd', 's', 7, '[]', '{{}}',
        '{{}}', null, null, '2025-07-01', 10, 5, 'artifacts', null,
        if(status = 'refused', 'it failed', null), 'run', now()
    from (values
        ('{MODEL}', 'pd', 'champion'),
        ('pd-xgboost-2025-07-9c', 'pd', 'refused'),
        ('application-logit-2025-07-1b', 'application', 'champion')
    ) as models (version, purpose, status);
    insert into audit.model_promotion
    values ('pd', 'logit', '2026-01-01', 'Ada', 'must be explained', 'run', now());
"""


@pytest.fixture
def risk(warehouse):
    """Settings of a home whose risk tables are there and empty."""
    with connect(warehouse) as connection:
        ensure_risk_tables(connection)
        connection.execute(DBT_TABLES)
    return warehouse


@pytest.fixture
def predicted(risk, execute):
    """Settings of a home whose risk tables are in order."""
    execute(PREDICTIONS, SCORES, REGISTRY)
    return risk


def test_the_suite_loads_with_critical_checks_and_warnings():
    suite = load_suite("risk")
    assert {check.severity for check in suite.checks} == {"critical", "warning"}


def test_risk_tables_in_order_pass_every_check(predicted):
    report = run_gate(predicted, run_id="run", stage="risk")
    assert report.warned == report.failed == report.not_available == ()


# One way each to break risk tables that are in order, and the check that must notice.
DAMAGE = [
    (
        "No key stands twice",
        "insert into risk.pd_prediction from risk.pd_prediction limit 1",
    ),
    ("Every predicted PD is a probability", "update risk.pd_prediction set pd = 1"),
    (
        "Every predicted PD is a probability",
        "update risk.pd_prediction set pd = 'nan' where borrower_key = 'b7'",
    ),
    (
        "Every prediction is out of sample",
        "update risk.pd_prediction set is_out_of_sample = false where pd < 0.011",
    ),
    (
        "The predictions reach the month of the run",
        "update audit.run set month = '2026-07-01'",
    ),
    (
        "Predicted months are the first day of the month",
        "update risk.pd_prediction set month = month + 1 where borrower_key = 'b7'",
    ),
    (
        "About as many events happened as were expected",
        "update risk.pd_prediction set pd = pd * 3",
    ),
    (
        "About as many events happened as were expected",
        "update risk.pd_prediction set is_event = false",
    ),
    (
        "About as many events happened in the newest month as were expected",
        "update risk.pd_prediction set pd = pd * 8 where month = '2026-06-01'",
    ),
    (
        "In every band of the PD about as many events happened as were expected",
        "update risk.model_calibration set mean_pd = 0.05 where pd_band = 1",
    ),
    (
        "The features of the newest months are distributed as in training",
        "update risk.feature_stability set psi = 0.3 where month = '2026-07-01'",
    ),
    (
        "No feature of the newest months is missing much more often than in training",
        "update risk.feature_stability set missing_share = 1 where month = '2026-07-01'",
    ),
    (
        "The PD of the newest month is distributed as in the year before",
        "update risk.pd_prediction set pd = pd * 2 where month = '2026-06-01'",
    ),
    ("Every forecast PD is a probability", "update risk.pd_forecast set pd = 0"),
    (
        "The forecast reaches the month after the run's",
        "update risk.pd_forecast set month = '2026-06-01'",
    ),
    (
        "Every uniform lies between 0 and 1",
        "update risk.residual set uniform = null where borrower_key = 'b7'",
    ),
    (
        "Every margin of the copula is a probability",
        "update risk.residual set pd_star = 0 where borrower_key = 'b7'",
    ),
    (
        "Every residual is an outcome less a probability",
        "update risk.residual set residual = 1 where borrower_key = 'b7'",
    ),
    ("The uniforms of the window are centred", "update risk.residual set uniform = 0.52"),
    (
        "Every prediction has its residual",
        "delete from risk.residual where borrower_key = 'b7'",
    ),
    (
        "The uniforms of the window are uniform",
        "update risk.residual_uniformity set ks_statistic_uniform = 0.02",
    ),
    (
        "The residuals are nearly uniform before they are ranked",
        "update risk.residual_uniformity set ks_statistic = 0.06",
    ),
    (
        "Every score lies on the scale",
        "update risk.score set score = 851 where score = 600",
    ),
    (
        "Every PD of an application is a probability",
        "update risk.score set pd = 1 where score = 401",
    ),
    (
        "Nearly every application has a score",
        "update risk.score set score = null where score > 560",
    ),
    (
        "No score of a higher PD is better",
        "update risk.score set score = 800 where score = 401",
    ),
    (
        "No application is labelled before it is mature",
        "update risk.score set is_mature = false where score = 401",
    ),
    (
        "About as many applications of a model turned out bad as it expected",
        "update risk.score set performance_label = 'good'",
    ),
    (
        "Every predicted row names a registered model",
        "update risk.pd_prediction set model_version = 'x' where borrower_key = 'b7'",
    ),
    (
        "Every forecast row names a registered model",
        "update risk.pd_forecast set model_version = 'x' where borrower_key = 'b7'",
    ),
    (
        "Every score names a registered model",
        "update risk.score set model_version = 'x' where score = 401",
    ),
    (
        "No purpose has two champions",
        "update audit.model_registry set is_champion = true, status = 'champion'",
    ),
    (
        "No refused model is champion",
        "update audit.model_registry set is_champion = status = 'refused'",
    ),
    (
        "Every refused model says why",
        "update audit.model_registry set refused_because = null",
    ),
    (
        "Every promotion says who and why",
        "update audit.model_promotion set decided_by = ' '",
    ),
]


@pytest.mark.parametrize(("check", "damage"), DAMAGE, ids=[name for name, _ in DAMAGE])
def test_damage_is_noticed(predicted, execute, results, check, damage):
    execute(damage)
    severity = next(c.severity for c in load_suite("risk").checks if c.name == check)
    if severity == "critical":
        with pytest.raises(GateFailedError, match=check):
            run_gate(predicted, run_id="run", stage="risk")
    else:
        assert check in run_gate(predicted, run_id="run", stage="risk").warned
    assert not results("risk")[check]["success"]


def test_every_check_is_shown_to_notice_damage():
    assert {name for name, _ in DAMAGE} == {c.name for c in load_suite("risk").checks}


def test_the_models_of_all_parts_of_the_borrowers_are_one_champion(predicted, execute):
    execute(
        """
        insert into audit.model_registry
        select * replace ('application-logit-2025-07-2c' as model_version)
        from audit.model_registry where purpose = 'application';
        update audit.model_registry set metrics = '{"scoring": "cross_fitted"}'
        where purpose = 'application';
        """
    )
    assert (
        "No purpose has two champions"
        in run_gate(predicted, run_id="run", stage="risk").passed
    )


# Too little to judge


def test_without_any_model_nothing_fails_and_nothing_passes_unseen(risk, results):
    report = run_gate(risk, run_id="run", stage="risk")
    assert report.warned == report.failed == ()
    found = results("risk")["Every predicted PD is a probability"]
    assert found["observed"] == (
        "not available for this portfolio: risk.pd_prediction has no rows"
    )


def test_a_portfolio_without_applications_is_judged_by_its_predictions(risk, execute):
    execute(PREDICTIONS, REGISTRY)
    report = run_gate(risk, run_id="run", stage="risk")
    assert report.warned == report.failed == ()
    assert "Every prediction has its residual" in report.passed
    assert "Every score lies on the scale" in report.not_available


def test_few_events_leave_the_ratio_of_events_unjudged(predicted, execute):
    execute("update risk.pd_prediction set is_event = false, pd = 0.002")
    report = run_gate(predicted, run_id="run", stage="risk")
    assert "About as many events happened as were expected" in report.not_available


def test_the_lenders_own_scores_need_no_order(predicted, execute):
    execute("update risk.score set score = 300 + pd * 1000, scoring = 'lender'")
    report = run_gate(predicted, run_id="run", stage="risk")
    assert "No score of a higher PD is better" in report.not_available


def test_the_page_shows_the_challengers_and_the_risk_tables(predicted, execute):
    execute(
        "insert into audit.quality_result values ('run', 'risk_model', 'pd-x: It ranks', "
        "'warning', false, 'AUC 0.5', 'more', null, null, 'Look.', now())"
    )
    page = run_gate(predicted, run_id="run", stage="risk").page.read_text()
    assert page.index("Gate “risk_model”") < page.index("Gate “risk”")
