"""The comparison a run writes: fits of the month before, and what they predicted."""

import dataclasses
import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from tests.joint_risk.made_draws import made_draws
from tests.joint_risk.test_fit_gate import GOOD

from comove.connection import connect
from comove.joint_risk import derive
from comove.joint_risk.export import run_folder
from comove.joint_risk.fit_gate import Fit, write_fits
from comove.joint_risk.panel import OrdinalPanel
from comove.joint_risk.store import store_joint_risk
from comove.settings import Settings

RUN = "manual__2020-05"
APRIL, MAY = dt.date(2020, 4, 1), dt.date(2020, 5, 1)
FITTED = ("single_factor", "factor_copula")


def fit(name: str, r_hat: float = 1.0) -> Fit:
    return dataclasses.replace(
        GOOD,
        model_version=name,
        as_of_month=APRIL,
        factors="single" if name == "single_factor" else "multi",
        copula="student_t" if name == "student_t" else "gaussian",
        artifact_path=f"artifacts/posteriors/{name}",
        r_hat=r_hat,
    )


@pytest.fixture
def derived(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with counts, two accepted fits as of April, and a refused one."""
    settings = settings.model_copy(update={"joint_window_months": 4})
    folder = run_folder(settings, RUN)
    folder.mkdir(parents=True)
    draws = made_draws(draws=300, spread=0.3)
    posteriors = {
        "factor_copula": draws,
        "single_factor": made_draws(draws=300, spread=0.3, sectors=False),
    }
    months = [dt.date(2020, month, 1) for month in range(1, 6)]
    places = pd.MultiIndex.from_product(
        [draws.regions, draws.industries, months], names=["region", "industry", "month"]
    ).to_frame(index=False)
    cells = places.assign(pd_band=1, n=100, events=2, mean_model_pd=0.02)
    margin = pd.DataFrame({"month": months, "bin": 0, "tail_from": 0.0, "n": 200})
    scores = pd.DataFrame(
        {"month": MAY, "model": FITTED, "log_loss": [0.12, 0.11], "brier": 0.02}
    ).assign(n=600, events=12)
    _write(folder, cells=cells, margin=margin, validation=scores)
    write_fits(folder, [fit(name) for name in FITTED] + [fit("student_t", r_hat=2.0)])
    monkeypatch.setattr(derive, "read_draws", lambda path: posteriors[path.name])
    return settings


def _write(folder: Path, **tables: pd.DataFrame) -> None:
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)


def test_accepted_fits_are_compared_and_stored_beside_their_prediction(
    derived: Settings,
) -> None:
    work = derive._Work(derived, RUN, run_folder(derived, RUN), MAY, lambda _: None)
    assert work.comparison() == 2
    stored = store_joint_risk(derived, run_id=RUN, month=MAY)
    assert stored.rows["risk.model_comparison"] == 2
    with connect(derived, read_only=True) as connection:
        found = connection.execute(
            "select model, month, as_of_month, groups, out_of_time_log_loss, "
            "model_version from risk.model_comparison order by model"
        ).fetchall()
    assert found == [
        ("factor_copula", MAY, APRIL, 24, 0.11, "factor_copula"),
        ("single_factor", MAY, APRIL, 24, 0.12, "single_factor"),
    ]


def test_without_an_accepted_fit_there_is_nothing_to_compare(derived: Settings) -> None:
    folder = run_folder(derived, RUN)
    write_fits(folder, [fit("factor_copula", r_hat=2.0)])
    assert derive._Work(derived, RUN, folder, MAY, print).comparison() == 0
    assert not (folder / "comparison.parquet").exists()


def test_fits_of_ordered_outcomes_are_compared_on_what_they_were_fitted_to(
    derived: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder(derived, RUN)
    months = [dt.date(2020, month, 1) for month in range(1, 6)]
    draws = made_draws(draws=1)
    places = pd.MultiIndex.from_product(
        [draws.regions, draws.industries, months], names=["region", "industry", "month"]
    ).to_frame(index=False)
    bands = pd.concat([places.assign(band=1, n=90), places.assign(band=2, n=10)])
    _write(folder, bands=bands.assign(month=pd.to_datetime(bands.month)))
    ordinal = derived.model_copy(update={"joint_likelihood": "ordinal"})
    asked: list[object] = []
    compare = derive.compare
    monkeypatch.setattr(
        derive,
        "compare",
        lambda panel, *a, **b: (asked.append(panel), compare(panel, *a, **b))[1],
    )
    assert derive._Work(ordinal, RUN, folder, MAY, lambda _: None).comparison() == 2
    assert isinstance(asked[0], OrdinalPanel)
