"""Candidates for the cut-off and the bands, against loans counted one by one."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

from comove.recalibration.candidates import (
    Candidate,
    _falling,
    band_candidates,
    cutoff_candidates,
)
from comove.recalibration.loans import LoansByScore
from comove.recalibration.strategy import Band, Strategy
from comove.settings import Settings

SETTINGS = Settings(portfolio="contract")
STRATEGY = Strategy(
    (
        Band("refused", None, 450.0, "refuse", 0.0),
        Band("watched", 450.0, 550.0, "review", 0.5),
        Band("standard", 550.0, 650.0, "approve", 0.8),
        Band("preferred", 650.0, None, "approve", 1.0),
    )
)
EVERYBODY = Strategy((Band("all", None, None, "approve", 1.0),))


def loans_of(frame: pd.DataFrame) -> LoansByScore:
    """Count loans, one a row with ``score`` and ``is_bad``, by score."""
    counts = frame.groupby("score")["is_bad"].agg(["sum", "count"]).sort_index()
    bad = counts["sum"].to_numpy(np.int64)
    return LoansByScore(
        counts.index.to_numpy(np.float64), counts["count"].to_numpy(np.int64) - bad, bad
    )


def drawn(seed: int, n: int, *, slope: float, level: float = 0.1) -> pd.DataFrame:
    """Loans with scores around 600, whose log-odds of being bad fall by `slope`."""
    generator = np.random.default_rng(seed)
    score = np.round(generator.normal(600, 60, n), 1)
    odds = math.log(level / (1 - level)) - slope * (score - 600) / 60
    return pd.DataFrame(
        {"score": score, "is_bad": generator.random(n) < 1 / (1 + np.exp(-odds))}
    )


FRAME = drawn(1, 3000, slope=0.8, level=0.15)


def selected(candidates: list[Candidate]) -> Candidate:
    (one,) = (candidate for candidate in candidates if candidate.is_selected)
    return one


def test_the_effect_of_a_cutoff_is_what_the_loans_would_have_earned() -> None:
    found = cutoff_candidates(loans_of(FRAME), STRATEGY, SETTINGS)
    earned = np.where(FRAME["is_bad"], -0.45, 0.05)
    before = earned * (FRAME["score"] >= 450)
    for candidate in found:
        gain = earned * (FRAME["score"] >= candidate.threshold) - before
        width = norm.ppf(1 - 0.05 / 2 / (len(found) - 1)) * gain.std(ddof=0)
        assert candidate.effect == pytest.approx(gain.mean(), abs=1e-12)
        error = width / math.sqrt(len(FRAME))
        assert candidate.low == pytest.approx(gain.mean() - error, abs=1e-12)
        assert candidate.high == pytest.approx(gain.mean() + error, abs=1e-12)


def test_what_is_in_force_is_a_candidate_without_effect() -> None:
    for found in (
        cutoff_candidates(loans_of(FRAME), STRATEGY, SETTINGS),
        band_candidates(loans_of(FRAME), STRATEGY, SETTINGS),
    ):
        assert found[0].is_in_force
        assert (found[0].effect, found[0].low, found[0].high) == (0, 0, 0)


def test_names_of_candidates_differ() -> None:
    found = cutoff_candidates(loans_of(FRAME), STRATEGY, SETTINGS)
    found += band_candidates(loans_of(FRAME), STRATEGY, SETTINGS)
    assert len({candidate.name for candidate in found}) == len(found)


def test_the_cutoff_selected_is_where_a_loan_no_longer_pays() -> None:
    # Nine good loans pay for one bad one: the break-even share of bad ones is 10 %. It
    # lies at the score where the log-odds are ln(1/9).
    frame = drawn(2, 200_000, slope=1.0, level=0.2)
    even = 600 + 60 * (math.log(0.25) - math.log(1 / 9))
    shown = selected(cutoff_candidates(loans_of(frame), EVERYBODY, SETTINGS))
    # More than half of the loans lie below it, which no candidate refuses.
    assert shown.threshold < even
    frame = drawn(2, 200_000, slope=1.0, level=0.07)
    even = 600 + 60 * (math.log(0.07 / 0.93) - math.log(1 / 9))
    shown = selected(cutoff_candidates(loans_of(frame), EVERYBODY, SETTINGS))
    assert shown.threshold == pytest.approx(even, abs=6)


def test_a_cutoff_that_is_right_already_stays() -> None:
    frame = drawn(3, 20_000, slope=1.0, level=0.07)
    even = 600 + 60 * (math.log(0.07 / 0.93) - math.log(1 / 9))
    strategy = EVERYBODY.moved(even)
    found = selected(cutoff_candidates(loans_of(frame), strategy, SETTINGS))
    assert found.is_in_force


def test_where_no_cutoff_is_better_one_is_taken_for_better_in_five_of_a_hundred() -> None:
    # Every loan earns nothing on average, whatever its score.
    taken = 0
    for seed in range(600):
        frame = drawn(seed, 3000, slope=0.0, level=0.1)
        found = cutoff_candidates(loans_of(frame), EVERYBODY, SETTINGS)
        taken += not selected(found).is_in_force
    # Two-sided intervals: half of the errors are in the direction that is selected.
    assert taken / 600 < 0.04


def frame_of(loans: LoansByScore) -> pd.DataFrame:
    """Loans one a row again."""
    outcomes = ((loans.good, False), (loans.bad, True))
    parts = [
        pd.DataFrame({"score": np.repeat(loans.score, n), "is_bad": is_bad})
        for n, is_bad in outcomes
    ]
    return pd.concat(parts, ignore_index=True)


def one_by_one(frame: pd.DataFrame, edges: tuple[float, ...]) -> np.ndarray:
    """Log loss of each loan, foretold by the others of its band."""
    band = pd.cut(frame["score"], [-math.inf, *edges, math.inf], right=False)
    bad = frame["is_bad"].groupby(band, observed=True).transform("sum")
    n = frame["is_bad"].groupby(band, observed=True).transform("count")
    same = np.where(frame["is_bad"], bad, n - bad)
    return -np.log((same - 1 + 0.5) / n)


def test_the_effect_of_bands_is_the_log_loss_they_save_on_loans_left_out() -> None:
    _, half = loans_of(FRAME[FRAME["score"] >= 450]).halves(SETTINGS.seed)
    taken = frame_of(half)
    before = one_by_one(taken, STRATEGY.edges)
    for candidate in band_candidates(loans_of(FRAME), STRATEGY, SETTINGS):
        gain = before - one_by_one(taken, candidate.edges)
        assert candidate.effect == pytest.approx(gain.mean(), abs=1e-12)
        assert candidate.loans == len(taken)


def test_in_every_candidate_the_share_of_bad_loans_falls_from_band_to_band() -> None:
    half, _ = loans_of(FRAME[FRAME["score"] >= 450]).halves(SETTINGS.seed)
    taken = frame_of(half)
    for candidate in band_candidates(loans_of(FRAME), STRATEGY, SETTINGS)[1:]:
        band = pd.cut(
            taken["score"], [-math.inf, *candidate.edges, math.inf], right=False
        )
        shares = taken["is_bad"].groupby(band, observed=True).mean()
        assert (shares.diff().dropna() < 0).all()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=12)
)
def test_merged_bands_are_those_of_isotonic_regression(
    counts: list[tuple[int, int]],
) -> None:
    good, bad = (np.array(part, np.int64) for part in zip(*counts, strict=True))
    loans = LoansByScore(np.arange(len(counts), dtype=float), good, bad)
    edges = _falling(loans, tuple(loans.score[1:]))
    fitted = IsotonicRegression(increasing=False).fit_transform(
        loans.score, bad / (good + bad), sample_weight=good + bad
    )
    steps = loans.score[1:][np.diff(fitted) < -1e-12]
    assert edges == tuple(steps)


def test_bands_that_tell_loans_apart_are_selected_over_bands_that_do_not() -> None:
    frame = drawn(5, 20_000, slope=1.2)
    found = selected(band_candidates(loans_of(frame), EVERYBODY, SETTINGS))
    assert len(found.edges) >= 3


def test_bands_that_tell_nothing_are_not_selected() -> None:
    frame = drawn(6, 20_000, slope=0.0)
    found = selected(band_candidates(loans_of(frame), EVERYBODY, SETTINGS))
    assert found.is_in_force


TRUE_BANDS = Strategy(
    (
        Band("refused", None, 480.0, "refuse", 0.0),
        Band("watched", 480.0, 540.0, "review", 0.5),
        Band("standard", 540.0, 620.0, "approve", 0.8),
        Band("preferred", 620.0, None, "approve", 1.0),
    )
)


@pytest.mark.parametrize(("n", "shares"), [(1500, (12, 10, 8)), (3000, (11, 10, 9))])
def test_where_the_bands_in_force_are_true_others_are_taken_in_five_of_a_hundred(
    n: int, shares: tuple[int, int, int]
) -> None:
    """Edges sought on the loans they are measured on were taken in 12 and 17."""
    generator = np.random.default_rng(n)
    taken = 0
    for seed in range(250):
        score = np.round(generator.uniform(480, 700, n))
        share = np.array(shares)[np.digitize(score, [540, 620])] / 100
        frame = pd.DataFrame({"score": score, "is_bad": generator.random(n) < share})
        of_seed = SETTINGS.model_copy(update={"seed": seed})
        found = band_candidates(loans_of(frame), TRUE_BANDS, of_seed)
        taken += not selected(found).is_in_force
    assert taken / 250 <= 0.05


def test_without_a_loan_above_the_cutoff_no_bands_are_tried() -> None:
    low = pd.DataFrame({"score": [410.0, 420.0] * 50, "is_bad": [True, False] * 50})
    assert band_candidates(loans_of(low), STRATEGY, SETTINGS) == []


def test_all_scores_equal_leaves_everything_as_it_is() -> None:
    frame = pd.DataFrame({"score": [600.0] * 100, "is_bad": [True] * 40 + [False] * 60})
    for found in (
        cutoff_candidates(loans_of(frame), EVERYBODY, SETTINGS),
        band_candidates(loans_of(frame), EVERYBODY, SETTINGS),
    ):
        assert selected(found).is_in_force
