"""Models side by side on the same rows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from comove.risk_model.metrics import auc, calibration_slope_intercept, ks, log_loss

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """How well one model told bad applications from good ones, none seen in training.

    Parameters
    ----------
    model : str
        ``own`` gave the scores; ``xgboost`` and ``logit`` are its members;
        ``plain_logistic`` and ``plain_xgboost`` had the same features and rows.
    applications, bad : int
        With known outcomes.
    auc, auc_standard_error, ks, log_loss, calibration_slope : float
        NaN where a class lacks.
    auc_below_own, difference_standard_error : float
        Area of ``own`` less this model's, and its standard error (DeLong, DeLong and
        Clarke-Pearson, 1988, for areas on the same rows).
    """

    model: str
    applications: int
    bad: int
    auc: float
    auc_standard_error: float
    ks: float
    log_loss: float
    calibration_slope: float
    auc_below_own: float
    difference_standard_error: float


def compare(y: FloatArray, predicted: Mapping[str, FloatArray]) -> tuple[Comparison, ...]:
    """Measure models on the same rows; the first is the own one.

    Parameters
    ----------
    y : ndarray, shape (n,)
        1 for an event, else 0.
    predicted : mapping of str to ndarray of shape (n,)
        Probabilities by model. Where a model has none for a row, it is left out.

    Returns
    -------
    tuple of Comparison
        In the order given; none without rows of both classes.
    """
    if not 0 < y.sum() < len(y):
        return ()
    own = next(iter(predicted.values()))
    return tuple(
        _measured(name, y, p, own)
        for name, p in predicted.items()
        if not np.isnan(p).any()
    )


def auc_difference(
    y: FloatArray, one: FloatArray, other: FloatArray
) -> tuple[float, float]:
    """Compare two areas under the ROC curve on the same rows.

    Parameters
    ----------
    y : ndarray, shape (n,)
        1 for an event, else 0; at least two of each.
    one, other : ndarray, shape (n,)
        Predictions.

    Returns
    -------
    tuple of float
        Area of `one` less that of `other`, and its standard error by DeLong, DeLong and
        Clarke-Pearson (1988, Biometrics 44, 837-845). NaN for fewer than two of a class.
    """
    events, others = _placements(y, one)
    events_2, others_2 = _placements(y, other)
    if min(len(events), len(others)) < 2:
        return float("nan"), float("nan")
    of_events, of_others = events - events_2, others - others_2
    variance = of_events.var(ddof=1) / len(events) + of_others.var(ddof=1) / len(others)
    return float(of_events.mean()), float(np.sqrt(variance))


def _placements(y: FloatArray, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Share of the other class each row is ranked right against; ties count half."""
    is_event = y > 0
    event, other = p[is_event], p[~is_event]
    ranks = rankdata(np.concatenate([event, other]))
    below = ranks[: len(event)] - rankdata(event)
    above = ranks[len(event) :] - rankdata(other)
    return below / max(len(other), 1), 1 - above / max(len(event), 1)


def _measured(name: str, y: FloatArray, p: FloatArray, own: FloatArray) -> Comparison:
    difference, error = auc_difference(y, own, p)
    return Comparison(
        model=name,
        applications=len(y),
        bad=int(y.sum()),
        auc=auc(y, p),
        # Against a model that ranks nothing the difference has the area's own error.
        auc_standard_error=auc_difference(y, p, np.zeros(len(y)))[1],
        ks=ks(y, p),
        log_loss=log_loss(y, p),
        calibration_slope=calibration_slope_intercept(y, p)[0],
        auc_below_own=difference,
        difference_standard_error=error,
    )
