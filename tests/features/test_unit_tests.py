"""The unit tests that stand beside the feature models hold."""

from tests.features.conftest import Built

from comove.warehouse import run_dbt


def test_unit_tests_of_the_features_hold(built: Built) -> None:
    chosen = ["--select", "tag:features,test_type:unit"]
    outcome = run_dbt(built.settings, ["test", *chosen], log_level="none")
    results = list(outcome.result.results)
    assert outcome.success, outcome.exception
    assert [result.node.name for result in results if result.status != "pass"] == []
    assert len(results) >= 4
