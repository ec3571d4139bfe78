"""Exported counts as panels of any earlier month."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from comove.joint_risk.export import CELLS, MARGIN
from comove.joint_risk.fit import why_not
from comove.joint_risk.inputs import Inputs
from comove.joint_risk.panel import PanelError
from comove.settings import Settings

MONTH = dt.date(2021, 3, 1)
MONTHS = pd.date_range("2020-01-01", "2021-03-01", freq="MS")


def write(folder: Path, cells: pd.DataFrame) -> None:
    cells.to_parquet(folder / CELLS)
    # Calibrated: as many residuals in each bin as an exponential law gives.
    edges = np.arange(512) / 32
    tail = np.exp(-edges)
    n = np.round(1e6 * (tail - np.append(tail[1:], 0))).astype(int)
    frames = [
        pd.DataFrame({"month": month, "bin": range(512), "tail_from": edges, "n": n})
        for month in MONTHS
    ]
    pd.concat(frames).to_parquet(folder / MARGIN)


def some_cells() -> pd.DataFrame:
    rows = [
        (month, region, industry, 1, 100 + place, place % 5, 0.01 * (1 + place % 3))
        for place, (month, region, industry) in enumerate(
            (month, region, industry)
            for month in MONTHS
            for region in ("south", "north")
            for industry in ("retail", "farming")
        )
    ]
    names = ["month", "region", "industry", "pd_band", "n", "events", "mean_model_pd"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    write(tmp_path, some_cells())
    return Inputs(Settings(joint_window_months=12), tmp_path, MONTH)


def test_a_panel_ends_with_its_month_and_has_the_window(inputs: Inputs) -> None:
    panel = inputs.panel(dt.date(2021, 2, 1))
    assert panel.months[0] == dt.date(2020, 3, 1)
    assert panel.months[-1] == dt.date(2021, 2, 1)
    cells = some_cells()
    mine = cells[(cells.month >= "2020-03-01") & (cells.month <= "2021-02-01")]
    assert panel.n.sum() == mine["n"].sum()
    assert panel.events.sum() == mine["events"].sum()


def test_names_are_sorted_and_cells_are_at_their_places(inputs: Inputs) -> None:
    panel = inputs.panel(MONTH)
    assert panel.regions == ("north", "south")
    assert panel.industries == ("farming", "retail")
    last = some_cells().query("month >= '2021-03-01' and region == 'south'")
    at = (panel.month == 11) & (panel.region == 1)
    np.testing.assert_array_equal(panel.n[at], last["n"])


def test_margins_of_calibrated_predictions_are_these(inputs: Inputs) -> None:
    panel = inputs.panel(MONTH)
    np.testing.assert_allclose(np.unique(panel.pd), [0.01, 0.02, 0.03], rtol=0.02)


@pytest.mark.parametrize(("pd_of_all", "margin"), [(0.0, 1e-12), (1.0, 1 - 1e-12)])
def test_a_pd_of_0_or_1_is_counted_next_to_it(
    tmp_path: Path, pd_of_all: float, margin: float
) -> None:
    cells = some_cells()
    cells.loc[cells.region == "south", "mean_model_pd"] = pd_of_all
    write(tmp_path, cells)
    panel = Inputs(Settings(), tmp_path, MONTH).panel(MONTH)
    assert set(panel.pd[panel.region == 1]) == {margin}


def test_a_missing_pd_is_refused(tmp_path: Path) -> None:
    write(tmp_path, some_cells().assign(mean_model_pd=np.nan))
    with pytest.raises(PanelError, match="or missing"):
        Inputs(Settings(), tmp_path, MONTH).panel(MONTH)


def test_panels_of_all_months_of_a_run_have_one_shape(inputs: Inputs) -> None:
    """So that one compilation serves; the months before the first have no cells."""
    early = inputs.panel(dt.date(2020, 6, 1))
    assert early.shape == inputs.panel(MONTH).shape
    assert early.n.sum() == some_cells().query("month <= '2020-06-01'")["n"].sum()


def test_a_short_history_is_rounded_up_to_whole_years(tmp_path: Path) -> None:
    write(tmp_path, some_cells())
    inputs = Inputs(Settings(joint_window_months=60), tmp_path, MONTH)
    assert len(inputs.panel(MONTH).months) == 24


def test_before_the_first_month_there_is_no_history(inputs: Inputs) -> None:
    assert inputs.has_history(dt.date(2020, 1, 1))
    assert not inputs.has_history(dt.date(2019, 12, 1))


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        ("month > '2022-01-01'", "no borrower at risk"),
        ("month >= '2021-03-01'", "single month nothing"),
        ("events == 0", "no event"),
    ],
)
def test_what_cannot_be_fitted_says_why(tmp_path: Path, kept: str, reason: str) -> None:
    write(tmp_path, some_cells().query(kept))
    found = why_not(Inputs(Settings(), tmp_path, MONTH))
    assert found is not None
    assert reason in found


def test_what_can_be_fitted_has_no_reason_not_to(inputs: Inputs) -> None:
    assert why_not(inputs) is None
