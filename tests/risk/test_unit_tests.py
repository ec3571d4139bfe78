"""The unit tests that stand beside the risk models hold."""

from tests.risk.book import Tables

from comove.warehouse import run_dbt


def test_unit_tests_of_the_risk_models_hold(independent: Tables) -> None:
    outcome = run_dbt(
        independent.settings,
        ["test", "--select", "path:models/risk,test_type:unit"],
        log_level="none",
    )
    assert outcome.exception is None, outcome.exception
    failed = [
        f"{result.node.name}: {result.message}"
        for result in outcome.result.results
        if result.status != "pass"
    ]
    assert not failed, "\n".join(failed)
    assert len(outcome.result.results) >= 5
