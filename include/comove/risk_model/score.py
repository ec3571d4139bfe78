"""The application score: points on a scale a credit officer knows."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from comove.errors import SettingsError
from comove.settings import Settings

FloatArray = NDArray[np.float64]

LOWEST_SCORE = 300.0
HIGHEST_SCORE = 850.0
# Whole points would make ties of applications a Kolmogorov-Smirnov test can tell apart.
SCORE_DECIMALS = 2


@dataclass(frozen=True)
class ScoreScale:
    r"""A scale linear in the log-odds of being good.

    .. math::

        \text{score} = b + \frac{d}{\ln 2}
        \left(\ln\frac{1 - \text{pd}}{\text{pd}} - \ln o\right)

    with base points :math:`b`, points to double the odds :math:`d` and base odds
    :math:`o`; then rounded to 2 decimals and clipped to 300..850. The usual scaling of
    scorecards: Siddiqi, *Credit Risk Scorecards* (2006), chapter 6.

    Parameters
    ----------
    base_points : float
        Score at the base odds, within 300..850.
    base_odds : float
        Odds of good to bad at the base points, above 0.
    points_to_double_odds : float
        How many points more stand for twice the odds, above 0.

    Raises
    ------
    SettingsError
        When a number is outside of what is said above.

    Examples
    --------
    >>> scale = ScoreScale(base_points=600, base_odds=20, points_to_double_odds=50)
    >>> scale.score([1 / 21, 1 / 41, 0.5]).tolist()
    [600.0, 650.0, 383.9]
    """

    base_points: float
    base_odds: float
    points_to_double_odds: float

    def __post_init__(self) -> None:
        """Refuse a scale that is none."""
        sensible = (
            LOWEST_SCORE <= self.base_points <= HIGHEST_SCORE
            and 0 < self.base_odds < math.inf
            and 0 < self.points_to_double_odds < math.inf
        )
        if not sensible:
            raise SettingsError(
                f"{self} is no scale of scores.",
                where="settings score_base_points, score_base_odds, "
                "score_points_to_double_odds",
                remedy="Give base points within 300..850, and odds and points above 0.",
            )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the scale of the settings."""
        return cls(
            base_points=settings.score_base_points,
            base_odds=settings.score_base_odds,
            points_to_double_odds=settings.score_points_to_double_odds,
        )

    def score(self, pd: ArrayLike) -> FloatArray:
        """Turn probabilities of being bad into points.

        Parameters
        ----------
        pd : array_like, any shape
            Probabilities within 0..1; NaN where unknown.

        Returns
        -------
        ndarray of float64, the same shape
            Points within 300..850, never rising with `pd`; NaN where `pd` is NaN.

        Raises
        ------
        ValueError
            When a probability is outside of 0..1.
        """
        probability = np.asarray(pd, dtype=np.float64)
        if bool(((probability < 0) | (probability > 1)).any()):
            raise ValueError("a probability is outside of 0..1")
        # At 0 and 1 the log-odds are infinite, and the scale ends.
        with np.errstate(divide="ignore"):
            log_odds = np.log1p(-probability) - np.log(probability)
        points = self.base_points + self._slope * (log_odds - math.log(self.base_odds))
        rounded = np.round(points, SCORE_DECIMALS)
        return np.asarray(np.clip(rounded, LOWEST_SCORE, HIGHEST_SCORE))

    def probability(self, score: ArrayLike) -> FloatArray:
        """Turn points back into probabilities of being bad.

        Parameters
        ----------
        score : array_like, any shape
            Points; the ends 300 and 850 stand for everything beyond them.

        Returns
        -------
        ndarray of float64, the same shape
            What has that score, exact up to the rounding of the score.
        """
        points = np.asarray(score, dtype=np.float64)
        log_odds = math.log(self.base_odds) + (points - self.base_points) / self._slope
        return np.asarray(1 / (1 + np.exp(log_odds)))

    @property
    def _slope(self) -> float:
        return self.points_to_double_odds / math.log(2)
