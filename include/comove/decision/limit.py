"""How much an applicant can be lent: a prudent quantile of what others repaid.

Learned on loans that turned out well: the amount below which a share ``limit_quantile``
of comparable borrowers stayed, given income, inflow, past limits and loans, and risk.
Boosted trees with the pinball loss (Koenker and Bassett, 1978), on the log scale, rising
with income and past loans and falling with risk and lateness.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import duckdb
import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from comove.risk_model.features import Feature
from comove.risk_model.matrix import Encoding, read_matrix
from comove.settings import Settings

FloatArray = NDArray[np.float64]

PURPOSE = "limit"
LEAST_LOANS = 100
ROUNDS = 80
_FILE = "limit.ubj"

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
ENCODING = Encoding(
    tuple(Feature(name, "number", sign, "") for name, sign in _FEATURES), {}
)


@dataclass(frozen=True)
class LimitModel:
    """A fitted model of amounts.

    Parameters
    ----------
    booster : xgboost.Booster
        Quantile of the log of the amount.
    """

    booster: xgb.Booster

    @classmethod
    def fit(
        cls, connection: duckdb.DuckDBPyConnection, rows: str, settings: Settings
    ) -> Self:
        """Learn from loans that turned out well.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            Where the rows can be read.
        rows : str
            SQL of a select of cases with ``granted_amount`` above 0, in a fixed order.
        settings : Settings
            The quantile, and the seed.
        """
        x = read_matrix(connection, rows, ENCODING, label=None).x
        amounts = connection.execute(rows).fetchnumpy()["granted_amount"]
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
            xgb.DMatrix(x, np.log(np.asarray(amounts, dtype=np.float64))),
            num_boost_round=ROUNDS,
        )
        return cls(booster)

    def amounts(self, connection: duckdb.DuckDBPyConnection, rows: str) -> FloatArray:
        """Say how much, in currency, shape (n,).

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            Where the rows can be read.
        rows : str
            SQL of a select of cases.
        """
        x = read_matrix(connection, rows, ENCODING, label=None).x
        found: FloatArray = np.exp(self.booster.predict(xgb.DMatrix(x)).astype(float))
        return found

    def save(self, folder: Path) -> None:
        """Write it in xgboost's own format."""
        self.booster.save_model(folder / _FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        booster = xgb.Booster()
        booster.load_model(folder / _FILE)
        return cls(booster)
