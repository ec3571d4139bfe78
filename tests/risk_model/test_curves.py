"""Curves from counts, against scikit-learn, scipy and statsmodels on the rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score, roc_curve
from statsmodels.stats.proportion import proportion_confint

from comove.risk_model.curves import (
    calibration_bands,
    chance_band,
    gains,
    gap,
    merge_classes,
    roc,
    wilson,
)


def rows_of(seed=3, rows=4_000):
    rng = np.random.default_rng(seed)
    # Rounded, so that there are ties to get wrong.
    pd_ = np.round(1 / (1 + np.exp(-rng.normal(-3, 1, rows))), 3).clip(0.001)
    return pd_, (rng.random(rows) < pd_).astype(float)


def counts_of(pd_, y):
    rows = pd.DataFrame({"pd": pd_, "rows": 1, "events": y})
    return rows.groupby("pd", as_index=False).sum()


@pytest.fixture(scope="module")
def sample():
    return rows_of()


@pytest.fixture(scope="module")
def counts(sample):
    return counts_of(*sample)


def test_the_area_is_that_of_the_rows_with_ties(sample, counts):
    pd_, y = sample
    assert roc(counts).auc == pytest.approx(roc_auc_score(y, pd_), abs=1e-12)


def test_the_curve_goes_through_the_points_of_the_rows(sample, counts):
    pd_, y = sample
    good, bad, _ = roc_curve(y, pd_, drop_intermediate=False)
    curve = roc(counts, points=10_000)
    assert curve.false_positives == pytest.approx(good)
    assert curve.true_positives == pytest.approx(bad)


def test_a_curve_has_few_points_and_both_ends(counts):
    curve = roc(counts, points=20)
    assert len(curve.true_positives) <= 20
    assert (curve.false_positives[0], curve.true_positives[0]) == (0, 0)
    assert (curve.false_positives[-1], curve.true_positives[-1]) == (1, 1)


def test_the_gap_is_the_two_sample_distance_of_the_rows(sample, counts):
    pd_, y = sample
    expected = ks_2samp(pd_[y == 1], pd_[y == 0])
    found = gap(counts, points=20)
    assert found.ks == pytest.approx(expected.statistic, abs=1e-12)
    assert found.at == pytest.approx(expected.statistic_location)
    assert found.at in found.pd


def test_intervals_are_those_of_statsmodels():
    events, rows = np.array([0, 1, 7, 50]), np.array([10, 10, 300, 50])
    low, high = wilson(events, rows)
    expected = proportion_confint(events, rows, method="wilson")
    assert low == pytest.approx(expected[0], abs=1e-12)
    assert high == pytest.approx(expected[1], abs=1e-12)


def test_no_rows_have_no_interval():
    assert np.isnan(wilson([0], [0])).all()


def test_the_band_of_chance_holds_nineteen_months_in_twenty():
    drawn = np.random.default_rng(1).binomial(2_000, 0.01, 20_000) / 2_000
    low, high = chance_band([0.01], [2_000])
    # Discrete, so it holds a little more than it promises.
    assert 0.95 <= np.mean((drawn >= low) & (drawn <= high)) < 0.975


def test_calibration_bands_keep_all_rows_and_their_means(sample, counts):
    pd_, y = sample
    bands = calibration_bands(counts, 10)
    assert len(bands) == 10
    assert bands["rows"].sum() == len(y)
    assert bands["events"].sum() == y.sum()
    assert (bands["pd"] * bands["rows"]).sum() == pytest.approx(pd_.sum())


def test_gains_begin_with_the_riskiest_and_end_with_all(counts):
    table = gains(counts)
    assert table["band"].tolist() == list(range(1, 11))
    assert table["pd"].is_monotonic_decreasing
    assert table["share_of_events"].iloc[-1] == pytest.approx(1)
    assert (table["lift"] * table["rows"]).sum() == pytest.approx(table["rows"].sum())


@pytest.mark.parametrize("events", [0, 5])
def test_one_class_only_has_no_curve(events):
    counts = pd.DataFrame({"pd": [0.1], "rows": [5], "events": [events]})
    assert np.isnan(roc(counts).auc)
    assert np.isnan(gap(counts).ks)
    assert gains(counts)["share_of_events"].isna().all() == (events == 0)


def test_classes_without_a_number_or_rows_are_left_out():
    counts = pd.DataFrame(
        {"pd": [0.1, np.nan, 0.3], "rows": [5, 5, 0], "events": [1, 1, 0]}
    )
    assert merge_classes(counts, 10)["rows"].tolist() == [5]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=30),
    st.integers(1, 12),
)
def test_merging_loses_no_row_and_keeps_the_order(classes, bands):
    counts = pd.DataFrame(
        [
            {"pd": (i + 1) / 100, "rows": good + bad, "events": bad}
            for i, (good, bad) in enumerate(classes)
        ]
    )
    merged = merge_classes(counts, bands)
    assert merged["rows"].sum() == counts["rows"].sum()
    assert merged["events"].sum() == counts["events"].sum()
    assert merged["pd"].is_monotonic_increasing
    assert len(merged) <= bands
