"""How good probabilities are: discrimination, calibration, stability.

All take outcomes ``y`` (1 for an event, else 0) and probabilities ``p`` of the event.
What a sample cannot tell (one class only, no rows, a missing probability) is ``nan``,
never an exception, so that a month without events is a blank and not a failed run.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from comove.errors import ModelError
from comove.risk_model.calibration import fit_calibration, overlaps

FloatArray = NDArray[np.float64]

# Nearest a probability comes to 0 or 1 before its logarithm is taken: the spacing of
# floats at 1, as scikit-learn does.
CLIP = float(np.finfo(np.float64).eps)

# Least share of a bin in the population stability index: an empty bin counts as one
# row in ten thousand instead of making the index infinite.
PSI_FLOOR = 1e-4


def _arrays(y: ArrayLike, p: ArrayLike) -> tuple[FloatArray, FloatArray]:
    return np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)


def _sorted_classes(y: ArrayLike, p: ArrayLike) -> tuple[FloatArray, FloatArray] | None:
    """Give the sorted scores of events and of non-events; none if one lacks."""
    y, p = _arrays(y, p)
    is_event = y > 0
    event, other = np.sort(p[is_event]), np.sort(p[~is_event])
    if not (len(event) and len(other)):
        return None
    # Sorting puts missing values last.
    if np.isnan(event[-1]) or np.isnan(other[-1]):
        return None
    return event, other


def auc(y: ArrayLike, p: ArrayLike) -> float:
    """Area under the ROC curve: how often an event scores above a non-event.

    Ties count half (Hanley and McNeil, 1982; the Mann-Whitney statistic).

    Parameters
    ----------
    y : array_like, shape (n,)
        1 for an event, else 0.
    p : array_like, shape (n,)
        Scores or probabilities that rise with the event.

    Returns
    -------
    float
        Between 0 and 1; 0.5 is chance; nan with one class only.
    """
    classes = _sorted_classes(y, p)
    if classes is None:
        return float("nan")
    event, other = classes
    below = np.searchsorted(other, event, side="left").mean()
    not_above = np.searchsorted(other, event, side="right").mean()
    return float((below + not_above) / (2 * len(other)))


def ks(y: ArrayLike, p: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance between the scores of events and non-events.

    The largest absolute difference of the two empirical distribution functions, exact
    with ties.

    Parameters
    ----------
    y : array_like, shape (n,)
        1 for an event, else 0.
    p : array_like, shape (n,)
        Scores or probabilities.

    Returns
    -------
    float
        Between 0 and 1; nan with one class only.
    """
    classes = _sorted_classes(y, p)
    if classes is None:
        return float("nan")
    event, other = classes
    # Between two events only the other function rises, so the difference is extreme at
    # an event or just below one.
    return max(_widest_gap(event, other, "left"), _widest_gap(event, other, "right"))


def _widest_gap(
    event: FloatArray, other: FloatArray, side: Literal["left", "right"]
) -> float:
    share_of_others = np.searchsorted(other, event, side=side) / len(other)
    share_of_events = np.searchsorted(event, event, side=side) / len(event)
    return float(np.abs(share_of_others - share_of_events).max())


def log_loss(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean of minus the log likelihood of an outcome, in nats.

    Parameters
    ----------
    y : array_like, shape (n,)
        1 for an event, else 0.
    p : array_like, shape (n,)
        Probabilities; those nearer to 0 or 1 than `CLIP` count as `CLIP` away.
    weights : array_like, shape (n,), optional
        Weights of the rows; equal if not given.

    Returns
    -------
    float
        At least 0, less is better; defined with one class; nan without rows.
    """
    y, p = _arrays(y, p)
    p = np.clip(p, CLIP, 1.0 - CLIP)
    return _mean(-np.log(np.where(y > 0, p, 1.0 - p)), weights)


def brier(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean squared difference of probability and outcome (Brier, 1950).

    Parameters
    ----------
    y : array_like, shape (n,)
        1 for an event, else 0.
    p : array_like, shape (n,)
        Probabilities.
    weights : array_like, shape (n,), optional
        Weights of the rows; equal if not given.

    Returns
    -------
    float
        Between 0 and 1, less is better; defined with one class; nan without rows.
    """
    y, p = _arrays(y, p)
    return _mean((p - y) ** 2, weights)


def _mean(values: FloatArray, weights: ArrayLike | None) -> float:
    given = None if weights is None else np.asarray(weights, dtype=np.float64)
    total = len(values) if given is None else given.sum()
    if not total > 0:
        return float("nan")
    return float((values.sum() if given is None else values @ given) / total)


def calibration_slope_intercept(y: ArrayLike, p: ArrayLike) -> tuple[float, float]:
    """Logistic regression of the outcome on the log-odds of the probability.

    (Cox, 1958; Van Calster et al., 2019.) Calibrated: slope 1, intercept 0. A slope
    under 1 says that the probabilities are too extreme.

    Parameters
    ----------
    y : array_like, shape (n,)
        1 for an event, else 0.
    p : array_like, shape (n,)
        Probabilities.

    Returns
    -------
    slope, intercept : float
        Maximum likelihood; both nan where it has no maximum: one class only,
        probabilities all equal, or classes that do not overlap.
    """
    y, p = _arrays(y, p)
    margin = logit(np.clip(p, CLIP, 1.0 - CLIP))
    if np.isnan(margin).any() or not overlaps(margin, y):
        return float("nan"), float("nan")
    flat = float("inf")
    line = fit_calibration(margin, y, prior_sd_slope=flat, prior_sd_intercept=flat)
    return line.slope, line.intercept


def expected_observed(y: ArrayLike, p: ArrayLike) -> float:
    """Ratio of the expected number of events to the observed one.

    Parameters
    ----------
    y : array_like, shape (n,)
        1 for an event, else 0.
    p : array_like, shape (n,)
        Probabilities.

    Returns
    -------
    float
        1 when calibrated in the large, above 1 when risk is overstated; nan without
        an event.
    """
    y, p = _arrays(y, p)
    observed = float(y.sum())
    return float(p.sum()) / observed if observed > 0 else float("nan")


def psi(expected_counts: ArrayLike, observed_counts: ArrayLike) -> float:
    r"""Compare two distributions over the same bins: the population stability index.

    :math:`\sum_i (o_i - e_i) \ln(o_i / e_i)` with shares :math:`e_i, o_i` (Siddiqi,
    2006), which is Jeffreys' divergence. A share below `PSI_FLOOR` counts as
    `PSI_FLOOR`, so that an empty bin weighs much but not infinitely.

    Parameters
    ----------
    expected_counts, observed_counts : array_like, shape (bins,)
        Rows, or shares, in each bin, then and now.

    Returns
    -------
    float
        At least 0; under 0.1 is commonly read as stable, over 0.25 as shifted; nan if
        either has no rows.

    Raises
    ------
    ModelError
        If the two do not have the same bins.
    """
    expected, observed = _arrays(expected_counts, observed_counts)
    if expected.shape != observed.shape:
        raise ModelError(
            f"{expected.size} expected and {observed.size} observed bins.",
            where="population stability index",
            remedy="Count both over the same bins.",
        )
    if not (expected.sum() > 0 and observed.sum() > 0):
        return float("nan")
    before = np.maximum(expected / expected.sum(), PSI_FLOOR)
    now = np.maximum(observed / observed.sum(), PSI_FLOOR)
    return float(((now - before) * np.log(now / before)).sum())


def _bands(p: FloatArray, bands: int) -> NDArray[np.int64]:
    """Give each row its band, 0 the riskiest; equal scores share a band."""
    if not len(p):
        return np.empty(0, dtype=np.int64)
    ordered = np.sort(p)
    above = len(p) - np.searchsorted(ordered, ordered, side="right")
    starts = np.flatnonzero(np.diff(above * bands // len(p), prepend=-1))
    # A handful of edges places every row faster than all scores would.
    lowest = ordered[starts]
    return len(lowest) - np.searchsorted(lowest, p, side="right")


def gains_table(y: ArrayLike, p: ArrayLike, bands: int = 10) -> pd.DataFrame:
    """Table of events by band of score, the riskiest band first.

    Bands hold equally many rows as far as ties allow: equal scores share a band, so
    there may be fewer bands than asked.

    Parameters
    ----------
    y : array_like, shape (n,)
        1 for an event, else 0.
    p : array_like, shape (n,)
        Probabilities, none missing.
    bands : int
        Bands wanted.

    Returns
    -------
    pandas.DataFrame
        One row per band: ``band`` (from 1), ``rows``, ``events``, ``lowest_pd``,
        ``mean_pd``, ``highest_pd``, ``event_rate``; shares of all rows, events and
        non-events in this band and riskier ones (``cumulative_rows``,
        ``cumulative_events``, ``cumulative_non_events``); ``lift`` (event rate over
        that of all) and ``cumulative_lift``; ``ks``, the difference of the two
        cumulative shares. What needs the class that lacks is nan.
    """
    y, p = _arrays(y, p)
    table = (
        pd.DataFrame({"band": _bands(p, bands), "event": y, "p": p})
        .groupby("band", sort=True)
        .agg(
            rows=("event", "size"),
            events=("event", "sum"),
            lowest_pd=("p", "min"),
            mean_pd=("p", "mean"),
            highest_pd=("p", "max"),
        )
    )
    table = table.astype({"events": np.int64})
    table.insert(0, "band", np.arange(1, len(table) + 1))
    return _with_shares(table).reset_index(drop=True)


def _with_shares(table: pd.DataFrame) -> pd.DataFrame:
    rows, events = table["rows"], table["events"]
    total, overall = rows.sum(), _ratio(events.sum(), rows.sum())
    event_rate = events / rows
    cumulative_rate = events.cumsum() / rows.cumsum()
    cumulative_events = events.cumsum() * _ratio(1, events.sum())
    cumulative_others = (rows - events).cumsum() * _ratio(1, total - events.sum())
    return table.assign(
        event_rate=event_rate,
        cumulative_rows=rows.cumsum() * _ratio(1, total),
        cumulative_events=cumulative_events,
        cumulative_non_events=cumulative_others,
        lift=event_rate * _ratio(1, overall),
        cumulative_lift=cumulative_rate * _ratio(1, overall),
        ks=(cumulative_events - cumulative_others).abs(),
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def measured(y: FloatArray, p: FloatArray) -> dict[str, float]:
    """Measure predictions in every way a model's record keeps.

    Parameters
    ----------
    y : ndarray, shape (n,)
        1 for an event, else 0.
    p : ndarray, shape (n,)
        Probabilities, strictly between 0 and 1.

    Returns
    -------
    dict of str to float
        ``rows``, ``events``, ``log_loss`` (nats), ``brier``, ``auc``, ``ks``,
        ``expected_over_observed``, ``calibration_slope``, ``calibration_intercept``;
        NaN where one class only leaves nothing to measure.
    """
    slope, intercept = calibration_slope_intercept(y, p)
    return {
        "rows": float(len(y)),
        "events": float(y.sum()),
        "log_loss": log_loss(y, p),
        "brier": brier(y, p),
        "auc": auc(y, p),
        "ks": ks(y, p),
        "expected_over_observed": expected_observed(y, p),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
    }
