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

NEWTON_STEPS = 5
# A month without events would drift to minus infinity.
_MOST_SHIFT = 3.0


class MonthLevels:
    """Finds the shift of each month, and remembers it for margins that follow.

    Parameters
    ----------
    y : ndarray, shape (n,)
        1 for an event, else 0.
    group : ndarray of int, shape (n,), or None
        Month of each row; None for one month.
    weight : ndarray, shape (n,), optional
        Rows each row stands for.
    """

    def __init__(
        self, y: FloatArray, group: Groups | None, weight: FloatArray | None = None
    ) -> None:
        self._y = y
        self._weight = np.ones(len(y)) if weight is None else weight
        group = np.zeros(len(y), np.int64) if group is None else group
        _, self._month = np.unique(group, return_inverse=True)
        self._events = np.bincount(self._month, self._weight * y)
        self._shift = np.zeros(len(self._events))

    def take_out(self, margin: FloatArray, steps: int) -> FloatArray:
        """Shift margins by so many steps of Newton's method from the shift before."""
        for _ in range(steps):
            p = expit(margin + self._shift[self._month])
            expected = np.bincount(self._month, self._weight * p)
            curve = np.bincount(self._month, self._weight * p * (1 - p))
            step = (self._events - expected) / np.maximum(curve, 1e-9)
            moved = self._shift + np.clip(step, -1.0, 1.0)
            self._shift = np.clip(moved, -_MOST_SHIFT, _MOST_SHIFT)
        shifted: FloatArray = margin + self._shift[self._month]
        return shifted

    def log_loss(self, margin: FloatArray, steps: int) -> float:
        """Mean log loss, in nats, of the shifted margins."""
        shifted = self.take_out(margin, steps)
        lost = np.logaddexp(0.0, shifted) - self._y * shifted
        return float(np.average(lost, weights=self._weight))


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
    return MonthLevels(y, group, weight).take_out(margin, NEWTON_STEPS)


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
    return MonthLevels(y, group, weight).log_loss(margin, NEWTON_STEPS)
