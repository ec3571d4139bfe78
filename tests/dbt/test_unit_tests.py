"""The unit tests that stand beside the models hold, each against empty relations.

`comove.warehouse.build` leaves them out: a run does not repeat what never changes.
"""

from pathlib import Path

import pytest
from tests.marts.lender import HORIZON, deliver, random_lender

from comove.audit.tables import ensure_tables
from comove.connection import connect
from comove.decision.tables import ensure_decision_tables
from comove.default_response.tables import ensure_response_tables
from comove.joint_risk.tables import ensure_joint_tables
from comove.landing import land
from comove.overdue.tables import ensure_overdue_tables
from comove.overdue_grade.tables import ensure_grade_tables
from comove.recalibration.tables import ensure_recalibration_tables
from comove.risk_model.tables import ensure_risk_tables
from comove.score_drift.tables import ensure_drift_tables
from comove.settings import Settings
from comove.warehouse import run_dbt
from comove.warehouse.window import request_build

TABLES_OF_STAGES = (
    ensure_tables,
    ensure_risk_tables,
    ensure_joint_tables,
    ensure_response_tables,
    ensure_drift_tables,
    ensure_recalibration_tables,
    ensure_overdue_tables,
    ensure_grade_tables,
    ensure_decision_tables,
)


@pytest.fixture
def empty_project(tmp_path: Path) -> Settings:
    """A warehouse where every source, seed and model stands, the models without rows."""
    settings = Settings(portfolio="contract", home=tmp_path / "home")
    deliver(random_lender(1), settings.data_folder, "all")
    land(settings, run_id="all")
    with connect(settings) as connection:
        for ensure in TABLES_OF_STAGES:
            ensure(connection)
        request_build(connection, month=HORIZON, full_refresh=True, logic="any")
    _dbt(settings, "seed")
    _dbt(settings, "run", "--empty")
    return settings


def test_unit_tests_of_all_models_hold(empty_project: Settings) -> None:
    assert _dbt(empty_project, "test", "--select", "test_type:unit") >= 54


def _dbt(settings: Settings, *arguments: str) -> int:
    """Run one command; every node of it must succeed. The number of nodes."""
    outcome = run_dbt(settings, list(arguments), log_level="none")
    assert outcome.exception is None, outcome.exception
    failed = [
        f"{result.node.name}: {result.message}"
        for result in outcome.result.results
        if result.status not in {"success", "pass"}
    ]
    assert not failed, "\n".join(failed)
    return len(outcome.result.results)
