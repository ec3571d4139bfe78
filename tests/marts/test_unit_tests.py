"""The unit tests that stand beside the models hold."""

from tests.marts.conftest import Built

from comove.warehouse import run_dbt


def test_unit_tests_of_the_models_hold(built: Built) -> None:
    # `build` leaves them out, so that a run does not repeat what never changes.
    # Those of features and risk need their tables, and stand in their test_unit_tests.py.
    left_out = ["tag:features", "path:models/risk"]
    chosen = ["--select", "test_type:unit", "--exclude", *left_out]
    outcome = run_dbt(built.settings, ["test", *chosen], log_level="none")
    failed = [
        f"{result.node.name}: {result.message}"
        for result in outcome.result.results
        if result.status != "pass"
    ]
    assert outcome.success, failed or outcome.exception
    assert not failed
    assert len(outcome.result.results) >= 8
