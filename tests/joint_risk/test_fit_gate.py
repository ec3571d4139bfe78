"""Which fits may be published, and what is recorded of those that may not."""

import dataclasses
import datetime as dt
from typing import Any

import pytest

from comove.connection import connect
from comove.errors import GateFailedError, WarehouseError
from comove.joint_risk.export import run_folder
from comove.joint_risk.fit_gate import (
    Fit,
    gate_fits,
    judge_fit,
    read_fits,
    why_refused,
    write_fits,
)
from comove.joint_risk.sufficiency import Sufficiency, write_sufficiency
from comove.settings import Settings

RUN = "manual__2024-06"
GOOD = Fit(
    model_version="copula-2024-06-0a1b",
    as_of_month=dt.date(2024, 6, 1),
    role="published",
    copula="gaussian",
    factors="multi",
    r_hat=1.004,
    ess_bulk=620.0,
    ess_tail=480.0,
    divergences=0,
    bfmi=0.8,
    chains=2,
    draws=1000,
    seconds=21.5,
    data_hash="d",
    settings_hash="s",
    artifact_path="artifacts/posteriors/copula-2024-06-0a1b",
)
EARLIER = dataclasses.replace(
    GOOD,
    model_version="copula-2024-05-77aa",
    as_of_month=dt.date(2024, 5, 1),
    role="validation",
)


def gate(settings: Settings, *fits: Fit) -> dict[str, int]:
    folder = run_folder(settings, RUN)
    folder.mkdir(parents=True, exist_ok=True)
    write_fits(folder, fits)
    return gate_fits(settings, run_id=RUN)


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_a_well_sampled_fit_is_accepted(settings: Settings) -> None:
    assert gate(settings, GOOD, EARLIER) == {"accepted": 2, "refused": 0}
    found = rows(
        settings,
        "select model_version, accepted, reason, r_hat, ess_bulk, ess_tail, divergences, "
        "bfmi, artifact_path, run_id from audit.posterior order by as_of_month desc",
    )
    figures = (1.004, 620.0, 480.0, 0, 0.8)
    assert found == [
        (GOOD.model_version, True, None, *figures, GOOD.artifact_path, RUN),
        (EARLIER.model_version, True, None, *figures, EARLIER.artifact_path, RUN),
    ]


def test_every_figure_is_a_recorded_check(settings: Settings) -> None:
    gate(settings, GOOD)
    found = rows(
        settings,
        "select check_name, observed, success from audit.quality_result "
        "where stage = 'joint_fit' order by check_name",
    )
    assert [observed for _, observed, _ in found] == [
        "bulk ESS 620",
        "tail ESS 480",
        "0 divergences",
        "r_hat 1.0040",
        "E-BFMI 0.80",
    ]
    assert all(name.startswith(f"{GOOD.model_version}: ") for name, _, _ in found)


def test_a_portfolio_too_small_is_a_warning_with_what_would_suffice(
    settings: Settings,
) -> None:
    folder = run_folder(settings, RUN)
    folder.mkdir(parents=True, exist_ok=True)
    small = Sufficiency("region", 4, 12, "events", 0.4, 0.93, 6.2, 71.3)
    write_sufficiency(folder, [small])
    assert gate(settings, GOOD) == {"accepted": 1, "refused": 0}
    found = rows(
        settings,
        "select severity, success, reason from audit.quality_result "
        "where check_name = 'The counts can tell a usual region loading'",
    )
    assert found[0][:2] == ("warning", False)
    assert "6.2 events a month in each, or 72 months such as these" in found[0][2]


# Each beyond its bound, whatever the others are.
BAD = [
    ("r_hat", 1.011, r"r_hat 1\.0110 \(at most 1\.01\)"),
    ("ess_bulk", 399.0, r"bulk ESS 399 \(at least 400"),
    ("ess_tail", 12.0, r"tail ESS 12 \(at least 400"),
    ("divergences", 1, r"1 divergences \(none\)"),
    ("bfmi", 0.2, r"E-BFMI 0\.20 \(at least 0\.3\)"),
    # Of a chain that never moved there is no figure.
    ("r_hat", float("nan"), "r_hat nan"),
    ("ess_bulk", float("nan"), "bulk ESS nan"),
]


@pytest.mark.parametrize(("field", "value", "sentence"), BAD)
def test_a_badly_sampled_fit_stops_the_run_after_it_is_recorded(
    settings: Settings, field: str, value: float, sentence: str
) -> None:
    with pytest.raises(GateFailedError, match=sentence) as caught:
        gate(settings, dataclasses.replace(GOOD, **{field: value}))
    assert "kept for study; what is published stays the last good one" in str(
        caught.value
    )
    assert GOOD.artifact_path in str(caught.value)
    ((accepted, reason),) = rows(settings, "select accepted, reason from audit.posterior")
    assert not accepted
    assert reason in str(caught.value)
    failed = rows(
        settings,
        "select severity from audit.quality_result where not success",
    )
    assert failed == [("critical",)]


def test_a_badly_sampled_fit_to_compare_with_is_a_warning(settings: Settings) -> None:
    poor = dataclasses.replace(EARLIER, divergences=3)
    assert gate(settings, GOOD, poor) == {"accepted": 1, "refused": 1}
    failed = rows(
        settings,
        "select check_name, severity, reason from audit.quality_result where not success",
    )
    ((name, severity, reason),) = failed
    assert (name, severity) == (
        f"{EARLIER.model_version}: No trajectory diverged",
        "warning",
    )
    assert "COMOVE_JOINT_TUNE" in reason


def test_judging_again_replaces_what_was_recorded(settings: Settings) -> None:
    with pytest.raises(GateFailedError):
        gate(settings, dataclasses.replace(GOOD, ess_bulk=10.0))
    gate(settings, GOOD)
    assert rows(settings, "select accepted, reason from audit.posterior") == [
        (True, None)
    ]
    assert rows(settings, "select count(*) from audit.quality_result") == [(5,)]


def test_the_bounds_are_settings(settings: Settings) -> None:
    lenient = settings.model_copy(update={"joint_gate_min_ess": 10.0})
    short = dataclasses.replace(GOOD, ess_bulk=11.0, ess_tail=11.0)
    assert why_refused(settings, short)
    assert why_refused(lenient, short) is None
    assert all(check.success for check in judge_fit(lenient, short))


def test_fits_survive_being_handed_on(settings: Settings) -> None:
    gate(settings, GOOD, EARLIER)
    assert read_fits(run_folder(settings, RUN)) == [GOOD, EARLIER]


def test_a_run_without_fits_is_told_what_to_run(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match="Run the task `fit`"):
        gate_fits(settings, run_id="nothing")
