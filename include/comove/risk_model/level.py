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
# xgboost's probabilities are of single precision and can be 0 or 1.
_NEAREST = 1e-9


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
        group = np.zeros(len(y), np.int64) if group is None else group
        # Month by month, sums are runs: ten times as fast as sums by a column of months.
        self._order = np.argsort(group, kind="stable")
        weight = np.ones(len(y)) if weight is None else weight
        self._y, self._weight = y[self._order], weight[self._order]
        _, self._starts, self._rows = np.unique(
            group[self._order], return_index=True, return_counts=True
        )
        self._events = self._by_month(self._weight * self._y)
        self._shift = np.zeros(len(self._events))
        self._is_event = np.flatnonzero(self._y)

    def take_out(self, margin: FloatArray, steps: int) -> FloatArray:
        """Shift margins by so many steps of Newton's method from the shift before."""
        shifted = np.empty(len(margin))
        shifted[self._order] = self._taken_out(margin, steps)
        return shifted

    def log_loss(self, margin: FloatArray, steps: int) -> float:
        """Mean log loss, in nats, of the shifted margins."""
        shifted = self._taken_out(margin, steps)
        lost = np.logaddexp(0.0, shifted) - self._y * shifted
        return float(np.average(lost, weights=self._weight))

    def log_loss_of(self, p: FloatArray) -> float:
        """Mean log loss, in nats, of probabilities after one step.

        The same as `log_loss` of their log-odds with ``steps=1``, but quick enough for
        every round of boosting: a shift multiplies odds, so that no row needs an
        exponential, and only events a logarithm of their own.

        Parameters
        ----------
        p : ndarray, shape (n,)
            Probabilities; nearer than `_NEAREST` to 0 or 1 they count as `_NEAREST` away.
        """
        p = np.clip(p[self._order], _NEAREST, 1 - _NEAREST)
        odds = p / (1 - p)
        shifted = odds * self._of_rows(np.exp(self._shift))
        self._move(shifted / (1 + shifted))
        odds *= self._of_rows(np.exp(self._shift))
        # Not the scalar product: its threads wait for each other on a busy machine.
        total = np.sum(self._weight * np.log1p(odds))
        total -= np.sum(self._weight[self._is_event] * np.log(odds[self._is_event]))
        return float(total / np.sum(self._weight))

    def _taken_out(self, margin: FloatArray, steps: int) -> FloatArray:
        """Shift margins, in the order of the months."""
        margin = margin[self._order]
        for _ in range(steps):
            self._move(expit(margin + self._of_rows(self._shift)))
        shifted: FloatArray = margin + self._of_rows(self._shift)
        return shifted

    def _move(self, p: FloatArray) -> None:
        """Take one step of Newton's method from shifted probabilities."""
        weighted = p * self._weight
        expected = self._by_month(weighted)
        curve = self._by_month(weighted * (1 - p))
        step = (self._events - expected) / np.maximum(curve, 1e-9)
        moved = self._shift + np.clip(step, -1.0, 1.0)
        self._shift = np.clip(moved, -_MOST_SHIFT, _MOST_SHIFT)

    def _by_month(self, values: FloatArray) -> FloatArray:
        summed: FloatArray = np.add.reduceat(values, self._starts)
        return summed

    def _of_rows(self, by_month: FloatArray) -> FloatArray:
        return np.repeat(by_month, self._rows)


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
