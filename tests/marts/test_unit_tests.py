"""The unit tests that stand beside the models hold."""

from tests.marts.conftest import Built

from comove.warehouse.build import _invoke


def test_unit_tests_of_the_models_hold(built: Built) -> None:
    # `build` leaves them out, so that a run does not repeat what never changes.
    target = built.settings.places.scratch / "dbt" / "runs" / "unit"
    outcome = _invoke(
        built.settings, ["test", "--select", "test_type:unit"], target, lambda _: None
    )
    failed = [
        f"{result.node.name}: {result.message}"
        for result in outcome.result.results
        if result.status != "pass"
    ]
    assert outcome.success, outcome.exception
    assert not failed
    assert len(outcome.result.results) >= 8
