"""The matrix once more, cell by cell, with scipy, toad and pandas."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import toad
from scipy.stats import ks_2samp

AT_STAGE = {
    "credit_applied": None,
    "credit_approved": {"undrawn", "refused", "pending", "disbursed"},
    "drawdown_applied": {"refused", "pending", "disbursed"},
    "disbursed": {"disbursed"},
    "credit_rejected": {"rejected"},
    "approved_undrawn": {"undrawn"},
    "drawdown_rejected": {"refused"},
}


@dataclass(frozen=True)
class Cell:
    """A row of the matrix, and the applications it is made of."""

    row: Any
    scored: pd.DataFrame
    baseline: pd.DataFrame

    @property
    def labels(self) -> pd.Series:
        return self.scored[f"{self.row.label}_label"]

    @property
    def known(self) -> tuple[np.ndarray, np.ndarray]:
        """Scores that have a label, and whether it is bad."""
        has = self.labels.notna()
        score = self.scored.loc[has, "score"].to_numpy(dtype=float)
        return score, (self.labels[has] == "bad").to_numpy()


def cells(
    matrix: pd.DataFrame, applications: pd.DataFrame, first: Any, last: Any
) -> Iterator[Cell]:
    """Each recorded cell with its applications, and those of the baseline months."""
    scored = applications[applications["score"].notna()]
    in_baseline = scored["cohort_month"].between(first, last)
    by_month = dict(list(scored.groupby("cohort_month")))
    for row in matrix[matrix["is_available"]].itertuples():
        ends = AT_STAGE[str(row.stage)]
        month = by_month.get(row.cohort_month, scored.iloc[:0])
        at_stage = [
            rows if ends is None else rows[rows["funnel_end"].isin(ends)]
            for rows in (month, scored[in_baseline])
        ]
        yield Cell(row, *at_stage)


def exact_ks(score: np.ndarray, bad: np.ndarray) -> float:
    return float(ks_2samp(score[bad], score[~bad], method="asymp").statistic)


def toad_ks(score: np.ndarray, bad: np.ndarray) -> float:
    return float(toad.KS(score, bad))


def toad_grouped_ks(score: np.ndarray, bad: np.ndarray, groups: int) -> float:
    """Largest distance in toad's table; where its curves cross, toad turns the sign."""
    table = toad.metrics.KS_bucket(score, bad.astype(int), bucket=groups)
    return float(table["ks"].abs().max())


def plain_psi(scores: np.ndarray, baseline: np.ndarray, groups: int) -> float:
    """Population stability over groups of the baseline, half for none."""
    ordered = np.sort(baseline)

    def group(values: np.ndarray) -> np.ndarray:
        below = np.searchsorted(ordered, values, "left")
        return np.minimum(below * groups // len(ordered), groups - 1)

    total = 0.0
    for one in np.unique(group(ordered)):
        p = max((group(scores) == one).sum(), 0.5) / len(scores)
        q = (group(ordered) == one).sum() / len(ordered)
        total += (p - q) * np.log(p / q)
    return total


def assert_matrix_is_plain(
    matrix: pd.DataFrame, applications: pd.DataFrame, request: pd.Series
) -> int:
    """Hold every cell against scipy and toad, to 1e-12; how many have a KS."""
    compared = 0
    first, last = request["baseline_from"], request["baseline_to"]
    for cell in cells(matrix, applications, first, last):
        score, bad = cell.known
        assert (cell.row.n_good, cell.row.n_bad) == ((~bad).sum(), bad.sum()), cell.row
        if 0 < bad.sum() < len(bad):
            compared += 1
            assert abs(exact_ks(score, bad) - cell.row.ks) < 1e-12, cell.row
            assert abs(toad_ks(score, bad) - cell.row.ks) < 1e-12, cell.row
            grouped = toad_grouped_ks(score, bad, int(request["groups"]))
            assert abs(grouped - cell.row.ks_binned) < 1e-12, cell.row
        else:
            assert np.isnan(cell.row.ks), cell.row
        _assert_shift_is_plain(cell, int(request["groups"]))
    return compared


def _assert_shift_is_plain(cell: Cell, groups: int) -> None:
    now = cell.scored["score"].to_numpy(dtype=float)
    before = cell.baseline["score"].to_numpy(dtype=float)
    if len(now) and len(before):
        distance = ks_2samp(now, before, method="asymp").statistic
        assert abs(distance - cell.row.score_shift_ks) < 1e-12, cell.row
        assert abs(plain_psi(now, before, groups) - cell.row.psi) < 1e-9, cell.row
    else:
        assert np.isnan(cell.row.score_shift_ks), cell.row
