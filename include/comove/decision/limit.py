"""How much an applicant can be lent: a prudent quantile of what others repaid.

Learned on loans that turned out well: the amount below which a share ``limit_quantile``
of comparable borrowers stayed, given income, inflow, past limits and loans, and risk.
Boosted trees with the pinball loss (Koenker and Bassett, 1978), on the log scale, rising
with income and past loans and falling with risk and lateness. Where lenders lend round
amounts, an estimate that misses one of them by a hair is that amount: trees are smooth.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from comove.decision.forest import Forest
from comove.settings import Settings

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]

PURPOSE = "limit"
LEAST_LOANS = 100
ROUNDS = 80
# An amount that so many of the loans learned from had is a usual one, and so near to it
# is it: trees of this size cannot tell 9,992 from 10,000.
USUAL_SHARE = 0.01
NEAR_SHARE = 0.005
_FILE = "limit.json"
# Before trees were kept as tables.
_BOOSTER = "limit.ubj"

# A feature and whether the limit rises (1) or falls (-1) with it.
_FEATURES = (
    ("monthly_income", 1),
    ("monthly_inflow", 1),
    ("largest_repaid", 1),
    ("last_principal", 1),
    ("credit_limit_before", 1),
    ("repaid_loans", 1),
    ("score_log_odds", -1),
    ("overdue_days_now", -1),
    ("worst_dpd_12m", -1),
)
FEATURES = tuple(name for name, _ in _FEATURES)


@dataclass(frozen=True)
class LimitModel:
    """A fitted model of amounts.

    Parameters
    ----------
    forest : Forest
        Quantile of the log of the amount.
    usual : tuple of float
        Amounts many loans had, in currency, rising.
    """

    forest: Forest
    usual: tuple[float, ...] = ()

    @classmethod
    def fit(cls, x: FeatureMatrix, amounts: FloatArray, settings: Settings) -> Self:
        """Learn from loans that turned out well.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            `FEATURES`; NaN is missing.
        amounts : ndarray, shape (n,)
            What was lent, in currency, above 0.
        settings : Settings
            The quantile, and the seed.
        """
        import xgboost as xgb

        booster = xgb.train(
            {
                "objective": "reg:quantileerror",
                "quantile_alpha": settings.limit_quantile,
                "monotone_constraints": tuple(sign for _, sign in _FEATURES),
                "tree_method": "hist",
                "max_depth": 3,
                "eta": 0.1,
                "min_child_weight": 20,
                "seed": settings.seed,
                # Threads sum in another order, which would be another model.
                "nthread": 1,
            },
            xgb.DMatrix(x, np.log(amounts)),
            num_boost_round=ROUNDS,
        )
        return cls(Forest.of(booster), _usual(amounts))

    def amounts(self, x: FeatureMatrix) -> FloatArray:
        """Say how much, in currency, shape (n,).

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            `FEATURES`; NaN is missing.
        """
        return self._rounded(np.exp(self.forest.sums(x)))

    def _rounded(self, amounts: FloatArray) -> FloatArray:
        """Put a usual amount in place of one that is next to it."""
        if not self.usual:
            return amounts
        usual = np.array(self.usual)
        nearest = usual[np.abs(np.log(amounts)[:, None] - np.log(usual)).argmin(axis=1)]
        return np.where(
            np.abs(amounts - nearest) <= NEAR_SHARE * nearest, nearest, amounts
        )

    def save(self, folder: Path) -> None:
        """Write it as JSON."""
        told = {"forest": self.forest.to_json(), "usual": self.usual}
        (folder / _FILE).write_text(json.dumps(told) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote, or an earlier comove."""
        if (folder / _BOOSTER).is_file():
            import xgboost as xgb

            booster = xgb.Booster()
            booster.load_model(folder / _BOOSTER)
            return cls(Forest.of(booster))
        told = json.loads((folder / _FILE).read_text("utf-8"))
        return cls(Forest.from_json(told["forest"]), tuple(told["usual"]))


def pinball_loss(amounts: FloatArray, estimates: FloatArray, quantile: float) -> float:
    """Mean pinball loss of estimates on the log scale, by which they were learned.

    Parameters
    ----------
    amounts, estimates : ndarray, shape (n,)
        In currency, above 0.
    quantile : float
        That is estimated, 0 to 1.
    """
    miss = np.log(amounts) - np.log(estimates)
    return float(np.mean(np.maximum(quantile * miss, (quantile - 1) * miss)))


def _usual(amounts: FloatArray) -> tuple[float, ...]:
    values, loans = np.unique(amounts, return_counts=True)
    frequent = values[loans >= max(USUAL_SHARE * len(amounts), 5)]
    return tuple(float(value) for value in frequent)
