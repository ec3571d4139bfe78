"""Prediction against outcome, and what the bands of KS say."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, poisson
from tests.recalibration.small_lender import MONTH, change, rows

from comove.connection import connect
from comove.recalibration.loans import LoansByScore, read_loans
from comove.recalibration.performance import (
    Performance,
    ks_interval,
    over_window,
    read_performance,
    requirement,
)
from comove.settings import Settings


def months(settings: Settings) -> list[Performance]:
    with connect(settings) as connection:
        return read_performance(connection, settings, MONTH)


def window(settings: Settings) -> Performance:
    found = months(settings)
    with connect(settings) as connection:
        loans = read_loans(connection, found[0].first, found[-1].last)
    whole = over_window(found, loans, settings)
    assert whole is not None
    return whole


def test_each_month_compares_its_bad_loans_with_those_predicted(lender: Settings) -> None:
    found = pd.DataFrame(
        rows(
            lender,
            """
            select cohort_month, pd, performance_label from risk.score
            inner join risk.application_label using (application_key)
            where performance_label is not null
            """,
        ),
        columns=["month", "pd", "label"],
    )
    for one in months(lender):
        own = found[found["month"].astype(str) == str(one.first)]
        assert one.loans == len(own)
        assert one.bad == (own["label"] == "bad").sum()
        assert one.predicted_bad == pytest.approx(own["pd"].sum())


def test_the_interval_of_the_ratio_is_that_of_poisson_counts(lender: Settings) -> None:
    one = months(lender)[0]
    assert one.ratio_low is not None
    assert one.ratio_high is not None
    assert one.predicted_bad is not None
    # Garwood: the count is just not surprising under either end.
    above = poisson.sf(one.bad - 1, one.ratio_low * one.predicted_bad)
    below = poisson.cdf(one.bad, one.ratio_high * one.predicted_bad)
    assert (above, below) == (pytest.approx(0.025), pytest.approx(0.025))


def test_the_window_takes_all_its_loans_together(lender: Settings) -> None:
    found = rows(
        lender,
        """
        select risk.score.score, performance_label from risk.score
        inner join risk.application_label using (application_key)
        where performance_label is not null
        """,
    )
    good = [score for score, label in found if label == "good"]
    bad = [score for score, label in found if label == "bad"]
    whole = window(lender)
    assert (whole.loans, whole.bad) == (len(found), len(bad))
    assert whole.ks == pytest.approx(ks_2samp(good, bad).statistic, abs=1e-12)


def test_intervals_of_ks_cover_the_true_distance() -> None:
    # Normal scores 0.8 standard deviations apart: 2 Phi(0.4) - 1.
    true, covered = 0.310843, 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        good = np.round(generator.normal(0.8, 1, 4000), 2)
        bad = np.round(generator.normal(0, 1, 400), 2)
        score = np.unique(np.concatenate([good, bad]))
        loans = LoansByScore(
            score,
            np.bincount(np.searchsorted(score, good), minlength=len(score)),
            np.bincount(np.searchsorted(score, bad), minlength=len(score)),
        )
        _, low, high = ks_interval(loans, seed=seed, draws=200)
        assert low is not None
        assert high is not None
        covered += low <= true <= high
    assert 0.91 <= covered / 200 <= 0.985


def bands(settings: Settings) -> set[tuple[str, bool]]:
    return {(one.band, one.is_band_sure) for one in months(settings)}


def set_ks(settings: Settings, ks: float, low: float, high: float) -> None:
    change(
        settings,
        f"update risk.score_drift set ks = {ks}, ks_low = {low}, ks_high = {high}",
    )


@pytest.mark.parametrize(
    ("ks", "low", "high", "band", "is_sure"),
    [
        (0.40, 0.35, 0.45, "within", True),
        (0.25, 0.15, 0.35, "within", False),
        (0.10, 0.05, 0.15, "below", True),
        (0.15, 0.05, 0.25, "below", False),
        (0.90, 0.80, 0.95, "above", True),
        (0.80, 0.70, 0.90, "above", False),
    ],
)
def test_a_band_is_sure_where_the_whole_interval_lies_in_it(
    lender: Settings, ks: float, low: float, high: float, band: str, *, is_sure: bool
) -> None:
    set_ks(lender, ks, low, high)
    assert bands(lender) == {(band, is_sure)}


def test_a_month_without_a_ks_has_no_band(lender: Settings) -> None:
    change(lender, "update risk.score_drift set ks = null, ks_low = null, ks_high = null")
    assert bands(lender) == {("unknown", False)}


def test_a_score_that_works_meets_what_is_required(lender: Settings) -> None:
    assert requirement(window(lender), lender).is_met


def test_a_blind_score_does_not(lender: Settings) -> None:
    change(lender, "update risk.score_histogram set n_good = 8, n_bad = 2")
    (sentence,) = requirement(window(lender), lender).unmet
    assert "KS 0.00 is below 0.2" in sentence


def test_a_score_too_good_to_be_true_does_not(lender: Settings) -> None:
    change(
        lender,
        "update risk.score_histogram set n_good = if(score < 500, 0, 10), "
        "n_bad = if(score < 500, 10, 0)",
    )
    (sentence,) = requirement(window(lender), lender).unmet
    assert "KS 1.00 is above 0.75" in sentence


@pytest.mark.parametrize(
    ("factor", "sentence"), [(0.3, "3.26 times as many"), (3.0, "Only 0.33 times")]
)
def test_more_or_fewer_bad_loans_than_predicted_do_not(
    lender: Settings, factor: float, sentence: str
) -> None:
    change(lender, f"update risk.score set pd = pd * {factor}")
    (found,) = requirement(window(lender), lender).unmet
    assert sentence in found


def test_without_loans_nothing_is_required(lender: Settings) -> None:
    change(lender, "update risk.application_label set performance_label = null")
    assert months(lender) == []
    assert over_window([], LoansByScore(*(np.array([]),) * 3), lender) is None
    assert requirement(None, lender).is_met


def test_a_cohort_some_of_whose_outcomes_are_known_is_not_mature(
    lender: Settings,
) -> None:
    """Known early are the loans drawn early; in the midst of others as at the end."""
    young = (dt.date(2023, 6, 1), dt.date(2023, 12, 1))
    before = window(lender)
    for month in young:
        change(
            lender,
            "update risk.score_drift set is_mature = false where label = 'performance' "
            f"and cohort_month = date '{month}'",
            "update risk.score_histogram set n_bad = n_bad + 90 "
            f"where label = 'performance' and cohort_month = date '{month}'",
        )
    found = months(lender)
    assert not {one.first for one in found} & set(young)
    assert len(found) == 10
    whole = window(lender)
    assert whole.loans == before.loans * 10 // 12
    # Every month of the lender is alike, so the others show what all did.
    assert whole.ks == pytest.approx(before.ks, abs=1e-12)
