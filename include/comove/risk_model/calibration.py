r"""Calibration of log-odds: a line through them, and a shift to a known rate.

A margin :math:`m` (log-odds of the event) is corrected to
:math:`m' = a + b\,m` (Cox, 1958, "Two further applications of a model for binary
regression"; Platt, 1999). A calibrated model has slope :math:`b = 1` and intercept
:math:`a = 0`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from comove.errors import ModelError

FloatArray = NDArray[np.float64]

# Spread of the priors, in log-odds: with a dozen events the line stays near the
# identity; with a few hundred the data decide.
PRIOR_SD_SLOPE = 0.25
PRIOR_SD_SHIFT = 0.5

_MOST_STEPS = 100
_MOST_HALVINGS = 40
_SMALL_STEP = 1e-10


@dataclass(frozen=True)
class Calibration:
    """A line through log-odds.

    Parameters
    ----------
    slope : float
        Factor on the margin; 1 leaves it.
    intercept : float
        Log-odds added; 0 leaves it.
    """

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, margin: FloatArray) -> FloatArray:
        """Correct margins.

        Parameters
        ----------
        margin : ndarray, shape (n,)
            Log-odds of the event.

        Returns
        -------
        ndarray, shape (n,)
            Calibrated log-odds of the event.
        """
        return self.intercept + self.slope * np.asarray(margin, dtype=np.float64)

    def to_json(self) -> dict[str, float]:
        """Give slope and intercept as plain numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(float(stored["slope"]), float(stored["intercept"]))


@dataclass(frozen=True)
class _Posterior:
    """Minus the log posterior of (slope, shift), the margins centred on `centre`.

    With margins around -5 slope and intercept are nearly one number; slope and the
    shift at the mean margin are not, so the priors are laid on those.
    """

    offset: FloatArray
    y: FloatArray
    centre: float
    precision: FloatArray

    def value(self, theta: FloatArray) -> float:
        line = self._line(theta)
        misfit = np.logaddexp(0.0, line).sum() - self.y @ line
        gap = theta - (1.0, 0.0)
        return float(misfit + 0.5 * (self.precision * gap * gap).sum())

    def step(self, theta: FloatArray) -> FloatArray:
        """Newton's step downhill."""
        p = expit(self._line(theta))
        error, spread = p - self.y, p * (1.0 - p)
        slope = np.array([error @ self.offset, error.sum()])
        slope += self.precision * (theta - (1.0, 0.0))
        across = spread @ self.offset
        down = (spread * self.offset) @ self.offset
        curve = np.array([[down, across], [across, spread.sum()]])
        curve += np.diag(self.precision)
        downhill: FloatArray = -np.linalg.solve(curve, slope)
        return downhill

    def _line(self, theta: FloatArray) -> FloatArray:
        slope, shift = float(theta[0]), float(theta[1])
        return slope * self.offset + (self.centre + shift)


def _minimise(posterior: _Posterior) -> FloatArray:
    theta = np.array([1.0, 0.0])
    value = posterior.value(theta)
    for _ in range(_MOST_STEPS):
        step = posterior.step(theta)
        if np.abs(step).max() < _SMALL_STEP:
            return theta + step
        for _ in range(_MOST_HALVINGS):
            tried = posterior.value(theta + step)
            if tried <= value:
                break
            step = step / 2
        else:
            # No smaller value within the precision of the sum: this is the minimum.
            return theta
        theta, value = theta + step, tried
    return theta


def overlaps(margin: ArrayLike, y: ArrayLike) -> bool:
    """Tell whether the likelihood of a line has a maximum.

    It has one when events and non-events overlap (Albert and Anderson, 1984): neither
    class lies wholly above the other. Margins that are all equal do not overlap.

    Parameters
    ----------
    margin : ndarray, shape (n,)
        Log-odds of the event.
    y : ndarray, shape (n,)
        1 for an event, else 0.

    Returns
    -------
    bool
        False also when only one class is there.
    """
    is_event = np.asarray(y) > 0
    event, other = np.asarray(margin)[is_event], np.asarray(margin)[~is_event]
    if not (len(event) and len(other)):
        return False
    return bool(other.max() > event.min() and event.max() > other.min())


def fit_calibration(
    margin: FloatArray,
    y: FloatArray,
    *,
    prior_sd_slope: float = PRIOR_SD_SLOPE,
    prior_sd_intercept: float = PRIOR_SD_SHIFT,
) -> Calibration:
    r"""Find the most probable line, by Newton's method.

    Priors: slope :math:`b \sim N(1, \sigma_b^2)`; the shift :math:`s` of the log-odds
    at the mean margin :math:`\bar m`, :math:`s \sim N(0, \sigma_a^2)`. The line is
    :math:`\bar m + s + b (m - \bar m)`, so the intercept is
    :math:`s + (1 - b) \bar m`. Few events leave the line near the identity; infinite
    spreads give the maximum likelihood.

    Parameters
    ----------
    margin : ndarray, shape (n,)
        Log-odds of the event, finite.
    y : ndarray, shape (n,)
        1 for an event, else 0.
    prior_sd_slope, prior_sd_intercept : float
        Spreads of the priors, above 0; ``inf`` for none.

    Returns
    -------
    Calibration
        The line.

    Raises
    ------
    ModelError
        If there are no rows, a margin is not finite, or the line is not determined (no
        prior and no overlap of the classes).
    """
    margin, y = np.asarray(margin, dtype=np.float64), np.asarray(y, dtype=np.float64)
    require_finite(margin, where="calibration")
    is_flat = not (np.isfinite(prior_sd_slope) and np.isfinite(prior_sd_intercept))
    if is_flat and not overlaps(margin, y):
        raise ModelError(
            f"events and non-events do not overlap ({int(y.sum())} events in"
            f" {len(y)} rows), so no line is the most likely one.",
            where="calibration",
            remedy="Give more rows, or finite spreads of the priors.",
        )
    centre = float(margin.mean())
    spreads = np.array([prior_sd_slope, prior_sd_intercept], dtype=np.float64)
    slope, shift = _minimise(_Posterior(margin - centre, y, centre, spreads**-2.0))
    return Calibration(float(slope), float(shift + (1.0 - slope) * centre))


def shift_to_rate(margin: FloatArray, target_rate: float) -> float:
    """Find what to add to the margins so that the mean probability is a given rate.

    Parameters
    ----------
    margin : ndarray, shape (n,)
        Log-odds of the event, finite.
    target_rate : float
        Wanted mean probability, between 0 and 1, both excluded.

    Returns
    -------
    float
        Log-odds to add to every margin.

    Raises
    ------
    ModelError
        If there are no rows, a margin is not finite, or the rate is outside (0, 1).
    """
    margin = np.asarray(margin, dtype=np.float64)
    require_finite(margin, where="shift to a rate")
    if not 0.0 < target_rate < 1.0:
        raise ModelError(
            f"the target rate is {target_rate}; it must lie between 0 and 1.",
            where="shift to a rate",
            remedy="Give a share of rows such as 0.02.",
        )
    # With every margin at most logit(rate) the mean is at most the rate, and the other
    # way round; the hair outside keeps rounding from closing the bracket.
    wanted = float(logit(target_rate))
    low, high = wanted - margin.max() - 1e-9, wanted - margin.min() + 1e-9
    return float(
        brentq(lambda shift: expit(margin + shift).mean() - target_rate, low, high)
    )


def require_finite(margin: FloatArray, *, where: str) -> None:
    """Refuse margins that are missing, infinite or none at all.

    Parameters
    ----------
    margin : ndarray
        Log-odds.
    where : str
        What they are given to, for the message.

    Raises
    ------
    ModelError
        With the number of margins that are not finite.
    """
    wrong = margin.size - int(np.isfinite(margin).sum())
    if wrong or not margin.size:
        raise ModelError(
            f"{wrong} of {margin.size} log-odds are not finite."
            if margin.size
            else "there are no rows.",
            where=where,
            remedy="Give at least one row, each with a finite log-odds.",
        )
