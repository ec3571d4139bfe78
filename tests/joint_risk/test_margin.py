"""pd* against the empirical distribution function of every residual."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from comove.joint_risk.margin import Margin
from comove.joint_risk.panel import PanelError

FloatArray = NDArray[np.float64]

WIDTH = 1 / 64
MONTHS = [dt.date(2020, month, 1) for month in range(1, 7)]


def residuals(seed: int, n: int = 20_000, worse: float = 1.0) -> FloatArray:
    """Uniforms v; with `worse`, events are so many times likelier than predicted."""
    return 1 - np.random.default_rng(seed).uniform(size=n) ** worse


def binned(month: dt.date, v: FloatArray) -> pd.DataFrame:
    """As `marts.fct_margin_count` counts: by bins of -ln(1 - v)."""
    bins, n = np.unique(np.floor(-np.log1p(-v) / WIDTH).astype(int), return_counts=True)
    return pd.DataFrame(
        {"month": pd.Timestamp(month), "bin": bins, "tail_from": bins * WIDTH, "n": n}
    )


@pytest.fixture(scope="module")
def by_month() -> dict[dt.date, FloatArray]:
    return {month: residuals(k, worse=1 + 0.1 * k) for k, month in enumerate(MONTHS)}


@pytest.fixture(scope="module")
def counts(by_month: dict[dt.date, FloatArray]) -> pd.DataFrame:
    return pd.concat([binned(month, v) for month, v in by_month.items()])


def brute_force(v: FloatArray, pd: FloatArray) -> FloatArray:
    """1 - G(1 - pd), ranks over n + 1."""
    return np.array([(np.sum(v > 1 - one) + 1) / (len(v) + 1) for one in pd])


def test_margin_is_the_tail_of_the_pooled_residuals_at_edges_of_bins(
    by_month: dict[dt.date, FloatArray], counts: pd.DataFrame
) -> None:
    edges = np.exp(-WIDTH * np.array([1, 10, 64, 128, 300]))
    found = Margin.as_of(counts, MONTHS[-1], 60)(edges)
    everything = np.concatenate(list(by_month.values()))
    np.testing.assert_allclose(found, brute_force(everything, edges), rtol=1e-12)


def test_between_edges_margin_is_within_a_bin(
    by_month: dict[dt.date, FloatArray], counts: pd.DataFrame
) -> None:
    pd_ = np.array([0.9, 0.5, 0.123, 0.0456, 0.01])
    found = Margin.as_of(counts, MONTHS[-1], 60)(pd_)
    everything = np.concatenate(list(by_month.values()))
    np.testing.assert_allclose(found, brute_force(everything, pd_), rtol=0.02)
    assert (found <= brute_force(everything, pd_ * np.exp(WIDTH))).all()
    assert (found >= brute_force(everything, pd_ * np.exp(-WIDTH))).all()


def test_nothing_after_the_month_is_known_and_nothing_before_the_window(
    by_month: dict[dt.date, FloatArray], counts: pd.DataFrame
) -> None:
    edges = np.exp(-WIDTH * np.array([20, 100, 200]))
    found = Margin.as_of(counts, MONTHS[3], 2)(edges)
    pooled = np.concatenate([by_month[MONTHS[2]], by_month[MONTHS[3]]])
    np.testing.assert_allclose(found, brute_force(pooled, edges), rtol=1e-12)


def test_calibrated_predictions_stay_what_they_are() -> None:
    v = residuals(1, 400_000)
    pd_ = np.array([0.3, 0.05, 0.01])
    found = Margin.as_of(binned(MONTHS[0], v), MONTHS[0], 1)(pd_)
    # Four standard errors of the share beyond 1 %: 0.0006.
    np.testing.assert_allclose(found, pd_, atol=0.003)


def test_margin_rises_with_pd(counts: pd.DataFrame) -> None:
    found = Margin.as_of(counts, MONTHS[-1], 60)(np.geomspace(1e-9, 1 - 1e-9, 500))
    assert (np.diff(found) >= 0).all()
    assert (found > 0).all()
    assert (found < 1).all()


def test_impossible_and_missing_probabilities_are_given_back(
    counts: pd.DataFrame,
) -> None:
    found = Margin.as_of(counts, MONTHS[-1], 60)(np.array([0.0, 1.0, np.nan]))
    np.testing.assert_array_equal(found, [0.0, 1.0, np.nan])


def test_a_window_without_residuals_is_refused(counts: pd.DataFrame) -> None:
    with pytest.raises(PanelError, match="no residuals from 2018-12 to 2019-01"):
        Margin.as_of(counts, dt.date(2019, 1, 1), 2)
