"""Why a drift came: policy, competition or management, by what was adjusted before it."""

import calendar
import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from comove.recalibration.drift import Drift
from comove.recalibration.loans import FloatArray, IntArray

FACTORS = ("policy", "competition", "management")
# No adjustment is dated where it could be the reason, or nothing came out as foretold.
UNEXPLAINED, NOT_AVAILABLE = "unexplained", "not available"
_BANDS = 10


@dataclass(frozen=True)
class Adjustment:
    """A change in the lender's business.

    Parameters
    ----------
    adjusted_on : date
        From when it holds.
    kind : str
        ``policy``, ``competition`` or ``management``.
    magnitude : float
        0 (none) to 1 (complete).
    """

    adjusted_on: dt.date
    kind: str
    magnitude: float


@dataclass(frozen=True)
class MonthGap:
    """How far what was observed in a month lies from what the score foretold.

    Parameters
    ----------
    month : date
        Cohort, first day.
    applications : int
        With a label.
    square : float
        Mean over score bands of the squared difference of shares of good ones, less what
        chance makes of it; may be below 0 where there is no gap.
    """

    month: dt.date
    applications: int
    square: float


@dataclass(frozen=True)
class Factor:
    """What one kind of adjustment may have to do with a drift.

    Parameters
    ----------
    factor : str
        The kind.
    adjustments : int
        Dated between the drift before and the end of this one.
    magnitude, weight : float
        Sum of their magnitudes; the same as a share of all kinds.
    exposed : float
        Applications since then, each counted by the magnitude it was exposed to.
    gap : float
        Between predicted and observed share of good ones among the exposed, 0 to 1.
    is_main : bool
        Its gap times its weight is the largest, and not 0.
    """

    factor: str
    adjustments: int
    magnitude: float
    weight: float
    exposed: float
    gap: float
    is_main: bool = False

    @property
    def weighted_gap(self) -> float:
        """Gap times weight."""
        return self.gap * self.weight


@dataclass(frozen=True)
class LabelsByScore:
    """Good and bad applications of one stage by cohort month and score.

    Parameters
    ----------
    month : ndarray of date, shape (k,)
        First day of the cohort.
    score : ndarray of float, shape (k,)
        Points.
    good, bad : ndarray of int, shape (k,)
        Counts.
    """

    month: np.ndarray
    score: FloatArray
    good: IntArray
    bad: IntArray

    def of(self, months: Iterable[dt.date]) -> "LabelsByScore":
        """Give the rows of some months."""
        inside = np.isin(self.month, np.array(list(months), dtype="datetime64[D]"))
        return LabelsByScore(
            self.month[inside], self.score[inside], self.good[inside], self.bad[inside]
        )


def month_gaps(
    labels: LabelsByScore, reference: Iterable[dt.date], months: Iterable[dt.date]
) -> list[MonthGap]:
    r"""Compare shares of good applications by score with what months before foretell.

    In ten bands of equally many applications of the reference months, with share p of
    good ones there and o in the month,
    :math:`\sum_b \frac{n_b}{n} [(o_b - p_b)^2 - p_b (1 - p_b) (1/n_b + 1/r_b)]`: without
    a change the second term is the mean of the first (r: applications of the reference).

    Parameters
    ----------
    labels : LabelsByScore
        Of one stage and label.
    reference : iterable of date
        Months whose shares are the prediction.
    months : iterable of date
        Months to compare, first days.

    Returns
    -------
    list of MonthGap
        Of each month that has applications; none without any in the reference.
    """
    before = labels.of(reference)
    if not len(before.score):
        return []
    edges = _equal_bands(before)
    good, n = _shares(before, edges)
    share = good / np.maximum(n, 1)
    made = []
    for month in months:
        one = labels.of([month])
        if total := int((one.good + one.bad).sum()):
            square = _squared_gap(*_shares(one, edges), share, n)
            made.append(MonthGap(month, total, square))
    return made


def weigh_factors(
    adjustments: Iterable[Adjustment], drift: Drift, gaps: Iterable[MonthGap]
) -> list[Factor]:
    """Say which kind of adjustment the gaps belong to.

    Parameters
    ----------
    adjustments : iterable of Adjustment
        Any; those dated up to the drift before, or after this one, are left out.
    drift : Drift
        To be explained.
    gaps : iterable of MonthGap
        Of its stage, months after the drift before it up to its end.

    Returns
    -------
    list of Factor
        One per kind that was adjusted, largest weighted gap first.
    """
    gaps = list(gaps)
    between = [a for a in adjustments if _is_between(a, drift)]
    total = sum(adjustment.magnitude for adjustment in between)
    found = [
        _factor(kind, [a for a in between if a.kind == kind], total, gaps)
        for kind in FACTORS
        if any(a.kind == kind for a in between)
    ]
    found.sort(key=lambda one: (-one.weighted_gap, FACTORS.index(one.factor)))
    if found and found[0].weighted_gap > 0:
        found[0] = Factor(**(vars(found[0]) | {"is_main": True}))
    return found


def main_factor(factors: Iterable[Factor]) -> str:
    """Name the main factor; `UNEXPLAINED` where no adjustment explains the drift."""
    return next((one.factor for one in factors if one.is_main), UNEXPLAINED)


def read_labels(
    connection: duckdb.DuckDBPyConnection, stage: str, label: str, last: dt.date
) -> LabelsByScore:
    """Read the score histogram of one stage and label up to a month.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with `risk.score_histogram`.
    stage, label : str
        As in `risk.score_drift`.
    last : date
        Last cohort month, first day.
    """
    found: Mapping[str, Any] = connection.execute(
        """
        select cohort_month, score, n_good, n_bad from risk.score_histogram
        where
            stage = ? and label = ? and cohort_month <= ? and score is not null
            and cut_by = 'all'
        order by cohort_month, score
        """,
        [stage, label, last],
    ).fetchnumpy()
    return LabelsByScore(
        np.asarray(found["cohort_month"], dtype="datetime64[D]"),
        np.asarray(found["score"], np.float64),
        np.asarray(found["n_good"], np.int64),
        np.asarray(found["n_bad"], np.int64),
    )


def read_adjustments(
    connection: duckdb.DuckDBPyConnection, last: dt.date
) -> list[Adjustment]:
    """Read the adjustments dated up to the end of a month, oldest first.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, its marts built.
    last : date
        The month, first day.
    """
    rows = connection.execute(
        """
        select adjusted_on, kind, magnitude from marts.fct_business_adjustment
        where adjusted_on < cast(? as date) + interval 1 month
        order by adjusted_on, adjustment_key
        """,
        [last],
    ).fetchall()
    return [Adjustment(*row) for row in rows]


def _factor(
    kind: str, own: list[Adjustment], total: float, gaps: list[MonthGap]
) -> Factor:
    magnitude = sum(adjustment.magnitude for adjustment in own)
    exposures = [gap.applications * _exposure(own, gap.month) for gap in gaps]
    exposed = sum(exposures)
    squares = sum(e * gap.square for e, gap in zip(exposures, gaps, strict=True))
    gap = math.sqrt(max(0.0, squares / exposed)) if exposed else 0.0
    return Factor(
        kind, len(own), magnitude, magnitude / total if total else 0.0, exposed, gap
    )


def _exposure(adjustments: list[Adjustment], month: dt.date) -> float:
    """Magnitude the applications of a month were exposed to, on its mean day."""
    return sum(a.magnitude * _share_of_month(a.adjusted_on, month) for a in adjustments)


def _share_of_month(since: dt.date, month: dt.date) -> float:
    days = calendar.monthrange(month.year, month.month)[1]
    return min(1.0, max(0.0, (days - (since - month).days) / days))


def _is_between(adjustment: Adjustment, drift: Drift) -> bool:
    month = adjustment.adjusted_on.replace(day=1)
    return drift.after < month <= drift.last


def _equal_bands(labels: LabelsByScore) -> FloatArray:
    order = np.argsort(labels.score, kind="stable")
    through = np.cumsum((labels.good + labels.bad)[order])
    wanted = np.arange(1, _BANDS) / _BANDS * through[-1]
    places = np.searchsorted(through, wanted, side="left")
    return np.unique(labels.score[order][places])


def _shares(labels: LabelsByScore, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Good applications, and all, in each band; the upper edge belongs to the band."""
    place = np.searchsorted(edges, labels.score, side="left")
    bands = len(edges) + 1
    good = np.bincount(place, weights=labels.good, minlength=bands)
    n = np.bincount(place, weights=labels.good + labels.bad, minlength=bands)
    return good, n


def _squared_gap(
    good: FloatArray, n: FloatArray, share: FloatArray, reference: FloatArray
) -> float:
    there = (n > 0) & (reference > 0)
    good, n, share, reference = (x[there] for x in (good, n, share, reference))
    if not len(n):
        return 0.0
    by_chance = share * (1 - share) * (1 / n + 1 / reference)
    return float(n @ (np.square(good / n - share) - by_chance) / n.sum())
