"""How good probabilities are: discrimination and calibration.

All take outcomes ``y`` (1 for an event, else 0) and probabilities ``p`` of the event.
What a sample cannot tell (one class only, no rows, a missing probability) is ``nan``,
never an exception, so that a month without events is a blank and not a failed run.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from comove.risk_model.calibration import fit_calibration, overlaps

FloatArray = NDArray[np.float64]

# Nearest a probability comes to 0 or 1 before its logarithm is taken: the spacing of
# floats at 1, as scikit-learn does.
CLIP = float(np.finfo(np.float64).eps)


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
    return _mean(row_log_loss(y, p), weights)


def row_log_loss(y: ArrayLike, p: ArrayLike) -> FloatArray:
    """Minus the log likelihood of each outcome, in nats.

    Parameters
    ----------
    y : array_like, shape (n,)
        1 for an event, else 0.
    p : array_like, shape (n,)
        Probabilities; those nearer to 0 or 1 than `CLIP` count as `CLIP` away.

    Returns
    -------
    ndarray, shape (n,)
        Their mean is `log_loss`.
    """
    y, p = _arrays(y, p)
    p = np.clip(p, CLIP, 1.0 - CLIP)
    losses: FloatArray = -np.log(np.where(y > 0, p, 1.0 - p))
    return losses


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
