"""The unit tests that stand beside the models of the decision hold."""

from pathlib import Path

import pytest
from tests.score_drift.book import applications, build_book

from comove.connection import connect
from comove.decision.tables import ensure_decision_tables
from comove.warehouse import run_dbt


@pytest.mark.slow
def test_unit_tests_of_the_decision_hold(tmp_path: Path) -> None:
    tables = build_book(applications(months=2, a_month=40), tmp_path)
    with connect(tables.settings) as connection:
        ensure_decision_tables(connection)
    outcome = run_dbt(
        tables.settings,
        ["test", "--select", "path:models/decision,test_type:unit"],
        log_level="none",
    )
    assert outcome.exception is None, outcome.exception
    failed = [
        f"{result.node.name}: {result.message}"
        for result in outcome.result.results
        if result.status != "pass"
    ]
    assert not failed, "\n".join(failed)
    assert len(outcome.result.results) >= 3
