r"""The level of each month, taken out.

In a month that is bad for everybody, log loss punishes the very model that tells
borrowers apart best: early stopping would end at nothing, and a calibration slope would
chase the level. The months' levels belong to the joint-risk stage. So each month
:math:`t` gets the intercept :math:`a_t` that fits it best, as in a stratified logistic
likelihood
(Breslow and Day, 1980, chapter 7): :math:`\operatorname{logit} p_{it} = a_t + m_{it}`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

FloatArray = NDArray[np.float64]
Groups = NDArray[np.int64]

_NEWTON_STEPS = 5
# A month without events would drift to minus infinity.
_MOST_SHIFT = 3.0


def without_level(
    margin: FloatArray,
    y: FloatArray,
    group: Groups | None,
    weight: FloatArray | None = None,
) -> FloatArray:
    """Shift the margins of each month so that as many events are expected as happened.

    Parameters
    ----------
    margin : ndarray, shape (n,)
        Log-odds of the event.
    y : ndarray, shape (n,)
        1 for an event, else 0.
    group : ndarray of int, shape (n,), or None
        Month of each row; None for one month.
    weight : ndarray, shape (n,), optional
        Rows each row stands for.

    Returns
    -------
    ndarray, shape (n,)
        Shifted log-odds; a month moves by 3 at most, in either direction.
    """
    weight = np.ones(len(y)) if weight is None else weight
    group = np.zeros(len(y), np.int64) if group is None else group
    _, month = np.unique(group, return_inverse=True)
    events = np.bincount(month, weight * y)
    shift = np.zeros(len(events))
    for _ in range(_NEWTON_STEPS):
        p = expit(margin + shift[month])
        curve = np.bincount(month, weight * p * (1 - p))
        step = (events - np.bincount(month, weight * p)) / np.maximum(curve, 1e-9)
        shift = np.clip(shift + np.clip(step, -1.0, 1.0), -_MOST_SHIFT, _MOST_SHIFT)
    shifted: FloatArray = margin + shift[month]
    return shifted


def level_free_log_loss(
    margin: FloatArray,
    y: FloatArray,
    group: Groups | None,
    weight: FloatArray | None = None,
) -> float:
    """Mean log loss, in nats, once the level of each month is taken out.

    Parameters
    ----------
    margin, y, group, weight
        As of `without_level`.

    Returns
    -------
    float
        Weighted mean over rows.
    """
    shifted = without_level(margin, y, group, weight)
    lost = np.logaddexp(0.0, shifted) - y * shifted
    return float(np.average(lost, weights=weight))
