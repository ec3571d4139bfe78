"""What a run says of a month that has happened, by what was known the month before."""

import dataclasses
import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss
from tests.joint_risk.made_draws import made_draws
from tests.joint_risk.test_fit_gate import GOOD
from tests.joint_risk.test_index import direct

from comove.joint_risk import derive
from comove.joint_risk.draws import Draws
from comove.joint_risk.export import borrowers_file, run_folder
from comove.joint_risk.fit import VARIANTS
from comove.joint_risk.fit_gate import Fit, write_fits
from comove.settings import Settings

RUN = "manual__2020-05"
APRIL, MAY = dt.date(2020, 4, 1), dt.date(2020, 5, 1)
MONTHS = [dt.date(2020, month, 1) for month in range(1, 6)]
POSTERIORS = {
    "single_factor": made_draws(60, spread=0.3, sectors=False),
    "factor_copula": made_draws(60, spread=0.3),
    "student_t": made_draws(60, spread=0.3, nu=6.0),
}
# Residuals of calibrated predictions: of 2000 in April's window, 2000 x pd lie beyond it.
BINS = np.arange(64) / 8


def fit_of(model: str, as_of: dt.date, divergences: int = 0) -> Fit:
    variant = VARIANTS[model]
    name = f"{model} {as_of:%B}"
    return dataclasses.replace(
        GOOD,
        model_version=name,
        as_of_month=as_of,
        copula=variant.copula,
        factors=variant.factors,
        artifact_path=f"artifacts/posteriors/{name}",
        divergences=divergences,
    )


def borrowers() -> pd.DataFrame:
    """Borrowers at risk in May, some of them of a region nobody has counted."""
    rng = np.random.default_rng(5)
    pd_of_each = np.exp(rng.uniform(np.log(0.002), np.log(0.4), 400))
    return pd.DataFrame(
        {
            "region": rng.choice(["region 00", "region 02", "Atlantis"], 400),
            "industry": rng.choice(["industry 00", "industry 01"], 400),
            "pd": pd_of_each,
            "is_event": rng.random(400) < pd_of_each,
        }
    )


def counts() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells and residuals of January to May."""
    draws = POSTERIORS["factor_copula"]
    cells = pd.MultiIndex.from_product(
        [draws.regions, draws.industries, MONTHS], names=["region", "industry", "month"]
    ).to_frame(index=False)
    cells = cells.assign(pd_band=1, n=100, mean_model_pd=0.02)
    cells["events"] = 2 + 3 * (cells["region"] == "region 02")
    tail = np.exp(-BINS) - np.append(np.exp(-BINS[1:]), 0)
    margin = pd.concat(
        [
            pd.DataFrame(
                {
                    "month": month,
                    "bin": range(64),
                    "tail_from": BINS,
                    "n": np.round(500 * tail).astype(int),
                }
            )
            for month in MONTHS
        ]
    )
    return cells, margin


def write(folder: Path, **tables: pd.DataFrame) -> None:
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A run of May: three fits as of April, and its own as of May."""
    folder = run_folder(settings, RUN)
    folder.mkdir(parents=True)
    cells, margin = counts()
    write(folder, cells=cells, margin=margin)
    borrowers().to_parquet(folder / borrowers_file(0))
    write_fits(
        folder, [fit_of("factor_copula", MAY), *(fit_of(m, APRIL) for m in VARIANTS)]
    )

    def read_draws(path: Path) -> Draws:
        model, as_of = path.name.split()
        assert as_of == "April", f"{path.name} knows what happened in May"
        return POSTERIORS[model]

    monkeypatch.setattr(derive, "read_draws", read_draws)
    return settings


def validated(settings: Settings) -> pd.DataFrame:
    folder = run_folder(settings, RUN)
    work = derive._Work(settings, RUN, folder, MAY, lambda _: None)
    rows = work.validation()
    found = pd.read_parquet(folder / "validation.parquet").set_index("model")
    assert rows == len(found)
    return found


def test_a_month_has_a_row_for_each_model_and_the_posterior_it_came_from(
    run: Settings,
) -> None:
    found = validated(run)
    assert list(found.index) == ["independent", "ewma", *VARIANTS]
    assert found["model_version"].dropna().to_dict() == {
        "single_factor": "single_factor April",
        "factor_copula": "factor_copula April",
        "student_t": "student_t April",
    }
    assert set(found["month"]) == {MAY}
    assert set(found["n"]) == {400}
    assert set(found["events"]) == {int(borrowers()["is_event"].sum())}


@pytest.mark.parametrize("model", VARIANTS)
def test_a_posterior_is_scored_on_what_it_says_of_each_borrower(
    run: Settings, model: str
) -> None:
    rows = borrowers()
    folder = run_folder(run, RUN)
    margin = derive._Work(run, RUN, folder, MAY, print)._inputs.margin(APRIL)
    p = direct(POSTERIORS[model], rows, margin(rows["pd"].to_numpy())).mean(axis=0)
    found = validated(run).loc[model]
    assert found["expected_events"] == pytest.approx(p.sum(), rel=1e-4)
    assert found["log_loss"] == pytest.approx(log_loss(rows["is_event"], p), rel=1e-4)


def test_nothing_of_the_month_itself_is_read_but_what_happened(run: Settings) -> None:
    before = validated(run)
    cells, margin = counts()
    cells.loc[cells["month"] == MAY, "events"] = 90
    margin.loc[margin["month"] == MAY, "n"] *= 7
    margin.loc[(margin["month"] == MAY) & (margin["tail_from"] > 3), "n"] *= 7
    write(run_folder(run, RUN), cells=cells, margin=margin)
    pd.testing.assert_frame_equal(validated(run), before)
    # The same counts a month earlier would have told.
    cells.loc[cells["month"] == APRIL, "events"] = 90
    write(run_folder(run, RUN), cells=cells)
    after = validated(run)
    assert after["log_loss"]["ewma"] != before["log_loss"]["ewma"]


def test_a_refused_rival_is_not_scored(run: Settings) -> None:
    diverged = fit_of("student_t", APRIL, divergences=59)
    fits = [fit_of("factor_copula", MAY), fit_of("factor_copula", APRIL), diverged]
    write_fits(run_folder(run, RUN), fits)
    assert list(validated(run).index) == ["independent", "ewma", "factor_copula"]


def test_the_first_month_with_counts_was_foreseen_by_nobody(run: Settings) -> None:
    cells, _ = counts()
    write(run_folder(run, RUN), cells=cells[cells["month"] == MAY])
    folder = run_folder(run, RUN)
    assert derive._Work(run, RUN, folder, MAY, print).validation() == 0
