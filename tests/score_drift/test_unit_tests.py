"""The unit tests that stand beside the models of the score drift hold."""

from pathlib import Path

from tests.score_drift.book import applications, build_book

from comove.warehouse import run_dbt


def test_unit_tests_of_the_score_drift_hold(tmp_path: Path) -> None:
    tables = build_book(applications(months=2, a_month=40), tmp_path)
    outcome = run_dbt(
        tables.settings,
        ["test", "--select", "path:models/score_drift,test_type:unit"],
        log_level="none",
    )
    assert outcome.exception is None, outcome.exception
    failed = [
        f"{result.node.name}: {result.message}"
        for result in outcome.result.results
        if result.status != "pass"
    ]
    assert not failed, "\n".join(failed)
    assert len(outcome.result.results) >= 2
