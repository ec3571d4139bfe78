"""Intervals of changes, against simulated funnels whose true KS is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, norm

from comove.score_drift.intervals import intervals
from comove.score_drift.selection import banded_ks, correlations, selection_changes

CELLS = 400
_KEYS = {"cut_by": "all", "cut_value": "all", "label": "policy", "tied_share": 0.0}
_BAND_KEYS = ["cut_by", "cut_value", "cohort_month", "is_baseline"]
_COUNTS = ["disbursed_good", "disbursed_bad", "rejected_good", "rejected_bad"]
MONTHS = pd.date_range("2024-01-01", periods=2, freq="MS")


def _cell(score: np.ndarray, good: np.ndarray) -> dict[str, float]:
    ks = ks_2samp(score[good], score[~good], method="asymp").statistic
    return {"ks": ks, "n_good": good.sum(), "n_bad": (~good).sum()}


def _banded(
    score: np.ndarray, good: np.ndarray, through: np.ndarray
) -> dict[str, np.ndarray]:
    """Applications that end at and above the cut, by band of the score."""
    band = np.clip(np.floor((score + 2.5) * 4), 0, 19).astype(int)
    return {
        f"{end}_{label}": np.bincount(band[at & of], minlength=20)
        for end, at in (("disbursed", through), ("rejected", ~through))
        for label, of in (("good", good), ("bad", ~good))
    }


def _month(
    random: np.random.Generator, n: int, cut: float, separation: float = 1.0
) -> tuple[dict[str, float], dict[str, float]]:
    """A stage, and the one below it that lets scores above a cut through."""
    good = random.random(n) < 0.6
    score = random.standard_normal(n) + separation * good
    through = score + 0.3 * random.standard_normal(n) > cut
    above, below = _cell(score, good), _cell(score[through], good[through])
    return above | _banded(score, good, through), below


def _funnels(n: int, separations: tuple[float, float] = (1.0, 1.0)) -> pd.DataFrame:
    """Intervals of many pairs of months of two stages, one pair per cut value."""
    random = np.random.default_rng(n)
    rows = []
    for number in range(CELLS):
        for month, separation in zip(MONTHS, separations, strict=True):
            above, below = _month(random, n, 0.2, separation)
            keys = {**_KEYS, "cut_value": str(number), "cohort_month": month}
            rows.append(keys | above | {"stage": "credit_applied"})
            rows.append(
                keys
                | below
                | {"stage": "credit_approved", "parent_stage": "credit_applied"}
            )
    made = pd.DataFrame(rows).assign(is_baseline=False)
    bands = made.loc[made["stage"] == "credit_applied", [*_BAND_KEYS, *_COUNTS]]
    bands = bands.assign(band=[list(range(20))] * len(bands)).explode(
        ["band", *_COUNTS], ignore_index=True
    )
    bands[_COUNTS] = bands[_COUNTS].astype(int)
    first = made[made["cohort_month"] == MONTHS[0]].assign(is_baseline=True)
    cells = pd.concat([made, first], ignore_index=True)
    parents = {"credit_approved": "credit_applied"}
    return intervals(cells, correlations(_with_other_ends(bands), parents))


def _with_other_ends(bands: pd.DataFrame) -> pd.DataFrame:
    for end in ("undecided", "undrawn", "refused", "pending"):
        bands[f"{end}_good"] = bands[f"{end}_bad"] = 0
    return bands


@pytest.fixture(scope="module")
def still() -> pd.DataFrame:
    """Nothing changes between the two months."""
    return _funnels(600)


def _covered(rows: pd.DataFrame, change: str, true: float) -> float:
    low, high = rows[f"{change}_change_low"], rows[f"{change}_change_high"]
    return float(((low <= true) & (true <= high))[low.notna()].mean())


def test_intervals_cover_the_fall_of_ks_that_selection_makes(
    still: pd.DataFrame,
) -> None:
    """The truth is a sample of a million."""
    above, below = _month(np.random.default_rng(1), 1_000_000, 0.2)
    below_rows = still[still["stage"] == "credit_approved"]
    assert below["ks"] < above["ks"] - 0.05
    assert 0.925 <= _covered(below_rows, "vertical", below["ks"] - above["ks"]) <= 0.98


@pytest.mark.parametrize("stage", ["credit_applied", "credit_approved"])
def test_months_without_a_change_are_flagged_in_one_of_twenty(
    still: pd.DataFrame, stage: str
) -> None:
    rows = still[(still["stage"] == stage) & (still["cohort_month"] == MONTHS[1])]
    for change in ("horizontal", "baseline"):
        assert 0.925 <= _covered(rows, change, 0.0) <= 0.98


def test_intervals_cover_a_change_from_month_to_month() -> None:
    rows = _funnels(500, separations=(1.2, 0.7))
    rows = rows[(rows["stage"] == "credit_applied") & (rows["cohort_month"] == MONTHS[1])]
    true = 2 * norm.cdf(0.35) - 2 * norm.cdf(0.6)
    assert 0.92 <= _covered(rows, "horizontal", true) <= 0.98
    # Its size is more than twice the tolerance: it is seen.
    assert (rows["horizontal_change_high"] < 0).mean() > 0.6


def test_without_a_stage_above_or_a_month_before_there_is_no_change(
    still: pd.DataFrame,
) -> None:
    top = still[still["stage"] == "credit_applied"]
    assert top["vertical_change_low"].isna().all()
    first = still[still["cohort_month"] == MONTHS[0]]
    assert first["horizontal_change_high"].isna().all()
    assert first["baseline_change_low"].notna().all()


def _bands(months: int, turned_away: float, n: int = 1500, seed: int = 0) -> pd.DataFrame:
    """Band counts of months that select alike, but the last: it turns some good away."""
    random = np.random.default_rng(seed)
    rows = []
    for month in range(-1, months):
        size = 6 * n if month < 0 else n
        good = random.random(size) < 0.6
        score = random.standard_normal(size) + good
        through = score + 0.3 * random.standard_normal(size) > 0.2
        if month == months - 1:
            through &= ~(good & (score > 1) & (random.random(size) < turned_away))
        band = np.clip(np.floor((score + 2.5) * 4), 0, 19)
        for one in range(20):
            here = band == one
            rows.append(
                {
                    "cut_by": "all",
                    "cut_value": "all",
                    "cohort_month": pd.Timestamp("2020-01-01")
                    + pd.DateOffset(months=max(month, 0)),
                    "is_baseline": month < 0,
                    "band": one + 1,
                }
                | {
                    f"{end}_{label}": int((here & of & at).sum())
                    for end, at in (("disbursed", through), ("rejected", ~through))
                    for label, of in (("good", good), ("bad", ~good))
                }
            )
    return _with_other_ends(pd.DataFrame(rows))


def _selected(bands: pd.DataFrame) -> pd.DataFrame:
    return selection_changes(
        bands, {"credit_approved": "credit_applied"}, draws=300, seed=3
    )


def test_selection_alone_is_no_drift() -> None:
    """200 months; the share whose interval leaves out zero is 5 % but for chance."""
    found = _selected(_bands(200, 0.0))
    leaves_out_zero = (found["selection_change_low"] > 0) | (
        found["selection_change_high"] < 0
    )
    assert leaves_out_zero.mean() <= 0.09
    assert abs(found["selection_change"].mean()) < 0.005


def test_a_gate_that_turns_on_the_good_is_a_drift_of_its_stage() -> None:
    found = _selected(_bands(20, 0.6))
    assert found["selection_change_high"].iloc[-1] < -0.05
    assert (found["selection_change_high"].iloc[:-1] > 0).mean() > 0.8


def test_a_score_gone_blind_is_no_drift_of_the_stage_below() -> None:
    """The gate still cuts at the same score; what changed stands above it."""
    bands = _bands(2, 0.0, n=4000)
    counts = [name for name in bands if name.endswith(("_good", "_bad"))]
    blind = bands["cohort_month"].eq(bands["cohort_month"].max())
    blind &= ~bands["is_baseline"]
    by_end = bands.loc[blind, counts].copy()
    for end in ("disbursed", "rejected"):
        both = by_end[f"{end}_good"] + by_end[f"{end}_bad"]
        by_end[f"{end}_good"] = (both * 0.6).round().astype(int)
        by_end[f"{end}_bad"] = both - by_end[f"{end}_good"]
    bands.loc[blind, counts] = by_end
    last = _selected(bands).iloc[-1]
    assert last["selection_change_low"] < 0.02
    assert last["selection_change_high"] > -0.02


def test_banded_ks_is_that_of_the_bands() -> None:
    counts = np.array([[[1, 2, 7], [5, 3, 2]]], dtype=float)
    expected = max(abs(0.1 - 0.5), abs(0.3 - 0.8))
    assert banded_ks(counts)[0] == pytest.approx(expected)
