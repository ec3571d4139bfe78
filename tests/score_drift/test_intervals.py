"""Intervals of changes, against simulated funnels whose true KS is known."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, ks_2samp, norm

from comove.score_drift.intervals import intervals
from comove.score_drift.selection import (
    banded_ks,
    correlations,
    outcome_changes,
    selection_changes,
)

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
        bands, {"credit_approved": "credit_applied"}, draws=200, seed=3
    )


def _cut(score: np.ndarray, good: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Scores above a cut come through, with some discretion."""
    return score + 0.3 * random.standard_normal(len(score)) > 0.2


def _turns_good_away(
    score: np.ndarray, good: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    turned = good & (score > 1) & (random.random(len(score)) < 0.6)
    return _cut(score, good, random) & ~turned


def _overrules(
    score: np.ndarray, good: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    return score + 2 * random.standard_normal(len(score)) > 0.2


def _draws(
    score: np.ndarray, good: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Nine of ten want the money, whatever their score."""
    return random.random(len(score)) < 0.9


def _leaves(
    score: np.ndarray, good: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Half of the best go elsewhere."""
    return random.random(len(score)) < np.where(good & (score > 0.5), 0.5, 0.9)


Gate = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _gated(random: np.random.Generator, n: int, gate: Gate) -> pd.DataFrame:
    """Band counts of applicants, 60 % good, who stand before a gate."""
    good = random.random(n) < 0.6
    score = random.standard_normal(n) + good
    return pd.DataFrame(_banded(score, good, gate(score, good, random)))


def _both(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Who stood before the gate and who came through: months, labels, bands."""
    ends = [
        np.stack([rows[f"{end}_{label}"].to_numpy() for label in ("good", "bad")])
        for end in ("disbursed", "rejected")
    ]
    through, away = (end.reshape(2, -1, 20).swapaxes(0, 1) for end in ends)
    return (through + away).astype(float), through.astype(float)


def _coverage(before: Gate, after: Gate, n: int, books: int) -> tuple[float, float]:
    """Share of intervals that hold the true change, and that leave out 0.

    The truth is that of the month's own applicants, at the chances of two million.
    """
    chances = []
    for gate in (before, after):
        many, came = _both(_gated(np.random.default_rng(1), 2_000_000, gate))
        chances.append(came / np.maximum(many, 1))
    holds, leaves = [], []
    for book in range(books):
        random = np.random.default_rng([book, n])
        parts = [_gated(random, 6 * n, before).assign(is_baseline=True, month=0)]
        parts += [
            _gated(random, n, after).assign(is_baseline=False, month=month)
            for month in range(40)
        ]
        bands = _with_other_ends(pd.concat(parts)).assign(cut_by="all", cut_value="all")
        bands["band"] = np.tile(range(20), 41)
        bands["cohort_month"] = pd.to_datetime("2020-01-01") + pd.to_timedelta(
            bands.pop("month"), "D"
        )
        found = _selected(bands)
        low = found["selection_change_low"].to_numpy()
        high = found["selection_change_high"].to_numpy()
        stood, _ = _both(bands[~bands["is_baseline"]])
        true = banded_ks(stood * chances[1]) - banded_ks(stood * chances[0])
        holds.append((low <= true) & (true <= high))
        leaves.append((low > 0) | (high < 0))
    return float(np.mean(holds)), float(np.mean(leaves))


_GATES = [(_cut, _turns_good_away), (_cut, _overrules), (_draws, _leaves)]
_SAME = [(gate, gate) for gate in (_cut, _draws, _overrules)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "before", "after"),
    [
        *((1500, *gates) for gates in _GATES),
        (400, _cut, _turns_good_away),
        (5000, _cut, _turns_good_away),
    ],
)
def test_intervals_of_a_changed_gate_cover_between_93_and_97_percent(
    n: int, before: Gate, after: Gate
) -> None:
    assert 0.93 <= _coverage(before, after, n, books=50)[0] <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), _SAME)
def test_selection_alone_is_flagged_in_5_percent_at_most(
    before: Gate, after: Gate
) -> None:
    """But for 2; less where the gate leaves little to chance."""
    covered, flagged = _coverage(before, after, 1500, books=50)
    assert flagged <= 0.07
    assert covered == pytest.approx(1 - flagged, abs=0.01)


# 320 months each; the slow tests above have the draws for the narrow bounds.
@pytest.mark.parametrize(("before", "after"), [_GATES[0], _GATES[2], _SAME[2]])
def test_intervals_cover_what_a_gate_adds(before: Gate, after: Gate) -> None:
    assert 0.91 <= _coverage(before, after, 1500, books=8)[0] <= 0.985


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


def _one_month(separation: float, n: int = 4000) -> pd.DataFrame:
    """A month whose score turned round, against a baseline whose score is upright."""
    random = np.random.default_rng(3)
    rows = []
    for is_baseline, size in ((True, 1.0), (False, separation)):
        good = random.random(n) < 0.6
        score = random.standard_normal(n) + size * good
        rows.append(
            _KEYS
            | _cell(score, good)
            | {"stage": "credit_applied", "cohort_month": MONTHS[0], "parent_stage": None}
            | {"is_baseline": is_baseline, "is_turned": size < 0}
        )
    return intervals(pd.DataFrame(rows), pd.DataFrame())


def test_a_score_that_turned_round_has_changed_by_both_distances() -> None:
    turned, same = _one_month(-1.0).iloc[0], _one_month(1.0).iloc[0]
    true = -2 * (2 * norm.cdf(0.5) - 1)
    assert turned["is_inverted"]
    assert turned["ks_low"] > 0
    assert turned["baseline_change"] == pytest.approx(true, abs=0.06)
    assert turned["baseline_change_low"] < true < turned["baseline_change_high"]
    assert not same["is_inverted"]
    assert abs(same["baseline_change"]) < 0.05


def test_a_change_is_judged_without_the_excess_of_an_observed_ks() -> None:
    """A month of 150 good and 25 bad shows more KS than its baseline of six."""
    random = np.random.default_rng(5)
    rows = []
    for number in range(600):
        for is_baseline, times in ((True, 6), (False, 1)):
            good = np.repeat([True, False], [150 * times, 25 * times])
            score = random.standard_normal(len(good)) + good
            keys = {"cut_value": str(number), "cohort_month": MONTHS[0]}
            rows.append(
                _KEYS
                | keys
                | _cell(score, good)
                | {"stage": "credit_applied", "parent_stage": None}
                | {"is_baseline": is_baseline}
            )
    cells = pd.DataFrame(rows)
    made = intervals(cells, pd.DataFrame())
    own = cells[~cells["is_baseline"]]["ks"].to_numpy()
    baseline = cells[cells["is_baseline"]]["ks"].to_numpy()
    assert (own - baseline).mean() > 0.03
    assert abs(made["baseline_change"].median()) < 0.015
    outside = (made["baseline_change_low"] > 0) | (made["baseline_change_high"] < 0)
    assert 0.02 <= outside.mean() <= 0.08
    middle = (made["baseline_change_low"] <= made["baseline_change"]) & (
        made["baseline_change"] <= made["baseline_change_high"]
    )
    assert middle.all()


def _loans(random: np.random.Generator, n: int, cut: float, slope: float) -> dict:
    """Loans of applicants whose score exceeds a cut, by band and outcome; 15 % bad."""
    score = random.standard_normal(n)
    bad = random.random(n) < 1 / (1 + np.exp(2.0 + slope * score))
    through = score + 0.3 * random.standard_normal(n) > cut
    band = np.clip(np.floor((score + 2.5) * 4), 0, 19).astype(int)
    return {
        f"performance_{name}": np.bincount(band[through & of], minlength=20)
        for name, of in (("good", ~bad), ("bad", bad))
    }


def _outcomes(cut: float, slope: float, books: int = 200) -> pd.DataFrame:
    """Months of 1,500 applications against six that let more through."""
    random = np.random.default_rng(11)
    rows = []
    for number in range(books):
        for is_baseline, one in (
            (True, _loans(random, 9000, -1.2, 1.2)),
            (False, _loans(random, 1500, cut, slope)),
        ):
            keys = {"cut_by": "all", "cut_value": str(number), "band": range(20)}
            keys |= {"cohort_month": MONTHS[0], "is_baseline": is_baseline}
            rows.append(pd.DataFrame(keys | one))
    return outcome_changes(pd.concat(rows, ignore_index=True), draws=100, seed=0)


def _flagged(rows: pd.DataFrame) -> float:
    away = (rows["selection_change_low"] > 0) | (rows["selection_change_high"] < 0)
    return float((away & (rows["selection_change"].abs() > 0.05)).mean())


def test_a_cutoff_that_was_raised_is_no_drift_of_outcomes() -> None:
    """KS of loans falls by more than the tolerance; the score is as good as before."""
    random = np.random.default_rng(0)
    before, after = (
        banded_ks(np.array(list(_loans(random, 1_000_000, cut, 1.2).values())))
        for cut in (-1.2, 0.2)
    )
    assert after < before - 0.05
    found = _outcomes(0.2, 1.2)
    assert abs(found["selection_change"].mean()) < 0.02
    assert _flagged(found) <= 0.07


def _bad_in_band(bad: Mapping[int, int], loans: int) -> dict[str, object]:
    """Loans by band, equally many in each of ten, with so many bad ones."""
    of_band = np.array([bad.get(band, 0) for band in range(10)])
    return {
        "band": range(10),
        "performance_good": loans - of_band,
        "performance_bad": of_band,
    }


def _against_few_bad(bad: Mapping[int, int], expected: Sequence[int]) -> pd.Series:
    """A month of 400 loans against six with so many bad in their lowest bands."""
    keys = {"cut_by": "all", "cut_value": "all", "cohort_month": MONTHS[0]}
    months = (
        (True, _bad_in_band(dict(enumerate(expected)), 240)),
        (False, _bad_in_band(bad, 40)),
    )
    rows = [pd.DataFrame(keys | one | {"is_baseline": b}) for b, one in months]
    return outcome_changes(pd.concat(rows), draws=400, seed=0).iloc[0]


def test_outcomes_are_judged_where_few_bad_loans_were_expected() -> None:
    """6 of 400 were to be bad, at low scores; 24 are, at high ones.

    Of 400 draws of 6 some have no bad loan, and so no KS.
    """
    assert binom.pmf(0, 400, 6 / 400) * 400 == pytest.approx(0.95, abs=0.01)
    found = _against_few_bad({7: 8, 8: 8, 9: 8}, expected=[18, 12, 6])
    assert found["selection_change"] < -0.8
    assert found["selection_change_high"] < -0.5
    same = _against_few_bad({0: 12, 1: 8, 2: 4}, expected=[18, 12, 6])
    assert same["selection_change_low"] < 0 < same["selection_change_high"]


def test_outcomes_are_not_judged_where_no_bad_loan_was_expected() -> None:
    found = _against_few_bad({7: 8, 8: 8, 9: 8}, expected=[1])
    assert found.loc[["selection_change", "selection_change_low"]].isna().all()


def test_a_score_that_went_blind_or_turned_round_is_a_drift_of_outcomes() -> None:
    assert _flagged(_outcomes(-1.2, 0.0, books=60)) > 0.9
    turned = _outcomes(-1.2, -1.2, books=60)
    assert _flagged(turned) == 1
    assert turned["selection_change"].mean() < -0.6
    # Whichever way round it is, the same was to be expected of it.
    known = np.array(
        list(_loans(np.random.default_rng(0), 1_000_000, -1.2, 1.2).values())
    )
    assert turned["expected_ks"].mean() == pytest.approx(banded_ks(known), abs=0.03)
    assert turned["expected_ks"].between(0, 1).all()
