"""Curves and intervals a report draws, from counts by predicted probability.

A frame of *counts* has a row per value (or narrow class) of the predicted probability:
``pd`` (their mean), ``rows`` and ``events``. It holds no borrower, stays small however
many rows were scored, and every ranking curve follows from it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, norm

FloatArray = NDArray[np.float64]

# Below so many events a rate says little: at 30 its standard error is 18 % of it.
THIN_EVENTS = 30
MOST_POINTS = 200


@dataclass(frozen=True)
class Roc:
    """Receiver operating characteristic.

    Parameters
    ----------
    false_positives, true_positives : ndarray
        Shares of the good and of the bad above each cut-off, both from 0 to 1.
    auc : float
        Area under them; the trapezoids count a tie as half, as Mann and Whitney (1947).
    """

    false_positives: FloatArray
    true_positives: FloatArray
    auc: float


@dataclass(frozen=True)
class Gap:
    """Cumulated shares of good and bad, and where they are furthest apart.

    Parameters
    ----------
    pd, good, bad : ndarray
        Shares of the good and of the bad with at most this predicted probability.
    ks : float
        Kolmogorov-Smirnov distance, their largest difference.
    at : float
        The predicted probability it stands at.
    """

    pd: FloatArray
    good: FloatArray
    bad: FloatArray
    ks: float
    at: float


def clean(counts: pd.DataFrame) -> pd.DataFrame:
    """Drop classes without a number and sort by predicted probability."""
    usable = counts.dropna(subset=["pd", "rows", "events"])
    usable = usable[usable["rows"] > 0]
    return usable.sort_values("pd", ignore_index=True)


def has_both_classes(counts: pd.DataFrame) -> bool:
    """Whether there are events and rows without one: no ranking exists otherwise."""
    rows, events = float(counts["rows"].sum()), float(counts["events"].sum())
    return 0 < events < rows


def merge_classes(counts: pd.DataFrame, bands: int) -> pd.DataFrame:
    """Merge neighbouring classes into at most so many of about equal rows.

    Parameters
    ----------
    counts : DataFrame
        Counts by predicted probability.
    bands : int
        Number of bands wanted.

    Returns
    -------
    DataFrame
        ``pd`` (mean weighted by rows), ``rows``, ``events``, ascending; fewer bands
        where single classes are larger than a band.
    """
    ordered = clean(counts)
    before = ordered["rows"].cumsum() - ordered["rows"] / 2
    band = np.floor(before / max(ordered["rows"].sum(), 1) * bands)
    return _merged(ordered, band)


def roc(counts: pd.DataFrame, points: int = MOST_POINTS) -> Roc:
    """Trace the ROC curve of counts.

    Parameters
    ----------
    counts : DataFrame
        Counts by predicted probability.
    points : int
        Points of the curve at most; the area is that of all of them.

    Returns
    -------
    Roc
        Empty, with a missing area, where one class is absent.
    """
    ordered = clean(counts)
    if not has_both_classes(ordered):
        return Roc(np.array([]), np.array([]), float("nan"))
    good, bad = _shares_from_above(ordered)
    area = float(np.trapezoid(bad, good))
    kept = _along_the_curve(good + bad, points)
    return Roc(good[kept], bad[kept], area)


def gap(counts: pd.DataFrame, points: int = MOST_POINTS) -> Gap:
    """Find where good and bad are furthest apart.

    Returns
    -------
    Gap
        Empty, with a missing distance, where one class is absent.
    """
    ordered = clean(counts)
    if not has_both_classes(ordered):
        empty = np.array([])
        return Gap(empty, empty, empty, float("nan"), float("nan"))
    events = ordered["events"].to_numpy(float)
    others = ordered["rows"].to_numpy(float) - events
    bad = np.cumsum(events) / events.sum()
    good = np.cumsum(others) / others.sum()
    widest = int(np.argmax(np.abs(good - bad)))
    kept = np.union1d(_along_the_curve(good + bad, points - 1), [widest])
    values = ordered["pd"].to_numpy(float)
    ks = float(abs(good[widest] - bad[widest]))
    return Gap(values[kept], good[kept], bad[kept], ks, float(values[widest]))


def calibration_bands(counts: pd.DataFrame, bands: int = 10) -> pd.DataFrame:
    """Compare what was predicted with what happened, in bands of equal rows.

    Returns
    -------
    DataFrame
        ``pd``, ``rows``, ``events``, ``observed``, and ``low``, ``high``: the 95 %
        interval of Wilson (1927) of the observed rate.
    """
    merged = merge_classes(counts, bands)
    merged["observed"] = merged["events"] / merged["rows"]
    merged["low"], merged["high"] = wilson(merged["events"], merged["rows"])
    return merged


def gains(counts: pd.DataFrame, bands: int = 10) -> pd.DataFrame:
    """Tabulate the gains, riskiest band first.

    Returns
    -------
    DataFrame
        ``band`` (1 is the riskiest), ``pd``, ``rows``, ``events``, ``observed``,
        ``lift`` (its rate over that of all), ``share_of_rows`` and
        ``share_of_events`` (cumulated).
    """
    table = merge_classes(counts, bands).iloc[::-1].reset_index(drop=True)
    table.insert(0, "band", np.arange(1, len(table) + 1))
    rows, events = table["rows"].sum(), table["events"].sum()
    table["observed"] = table["events"] / table["rows"]
    overall = events / rows if rows else np.nan
    table["lift"] = table["observed"] / overall if events else np.nan
    table["share_of_rows"] = table["rows"].cumsum() / rows if rows else np.nan
    table["share_of_events"] = table["events"].cumsum() / events if events else np.nan
    return table


def wilson(
    events: ArrayLike, rows: ArrayLike, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Interval of a rate, good for few events too (Wilson, 1927).

    Parameters
    ----------
    events, rows : array-like
        Counts, elementwise.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    tuple of ndarray
        Lower and upper end, between 0 and 1; missing where there are no rows.
    """
    counted, total = np.asarray(events, float), np.asarray(rows, float)
    z = float(norm.ppf(0.5 + confidence / 2))
    n = np.where(total > 0, total, np.nan)
    rate, shrink = counted / n, 1 + z**2 / n
    middle = (rate + z**2 / (2 * n)) / shrink
    half = z / shrink * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def chance_band(
    rates: ArrayLike, rows: ArrayLike, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Event rates that independent borrowers of this mean rate would show by chance.

    A sum of independent events of unequal rates varies a little less than the binomial
    taken here, so the band errs on the wide side.

    Parameters
    ----------
    rates, rows : array-like
        Expected rate and number of borrowers, elementwise.
    confidence : float
        Share of months inside of the band.

    Returns
    -------
    tuple of ndarray
        Lower and upper rate; missing where a rate or the rows are.
    """
    rate, total = np.asarray(rates, float), np.asarray(rows, float)
    n = np.where(total > 0, total, np.nan)
    tail = (1 - confidence) / 2
    low, high = binom.ppf(tail, n, rate) / n, binom.ppf(1 - tail, n, rate) / n
    return np.asarray(low, float), np.asarray(high, float)


def _merged(ordered: pd.DataFrame, band: ArrayLike) -> pd.DataFrame:
    weighted = ordered.assign(total=ordered["pd"] * ordered["rows"])
    sums = weighted.groupby(np.asarray(band))[["total", "rows", "events"]].sum()
    sums = sums.reset_index(drop=True)
    sums.insert(0, "pd", sums.pop("total") / sums["rows"])
    return sums


def _shares_from_above(ordered: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    events = ordered["events"].to_numpy(float)[::-1]
    others = ordered["rows"].to_numpy(float)[::-1] - events
    good = np.concatenate([[0.0], np.cumsum(others) / others.sum()])
    bad = np.concatenate([[0.0], np.cumsum(events) / events.sum()])
    return good, bad


def _along_the_curve(length: FloatArray, points: int) -> NDArray[np.intp]:
    """Choose points spread evenly along a curve, its ends included."""
    if len(length) <= points:
        return np.arange(len(length))
    wanted = np.linspace(length[0], length[-1], points)
    found = np.searchsorted(length, wanted).clip(0, len(length) - 1)
    return np.unique(np.concatenate([[0], found[1:-1], [len(length) - 1]]))
