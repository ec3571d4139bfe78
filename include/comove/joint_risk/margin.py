"""The copula's margin as of a month: what pd was worth, by what had happened so far.

Design 4.2: with G the distribution function of the quantile residuals pooled over the
window, ``pd* = 1 - G(1 - pd)``. `marts.fct_margin_count` counts residuals by month in
bins of ``t = -ln(1 - v)``; for a probability, ``t = -ln(pd)``.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.joint_risk.panel import PanelError
from comove.risk_model.folds import month_of, number

FloatArray = NDArray[np.float64]

# A margin of exactly 0 or 1 has no threshold.
_CLOSEST = 1e-12


@dataclass(frozen=True)
class Margin:
    """Turns pd into pd*.

    Parameters
    ----------
    edges : ndarray, shape (B + 1,)
        Edges of the bins in t, ascending from 0; the last bin has no upper end.
    above : ndarray, shape (B + 1,)
        Residuals at or beyond each edge.
    """

    edges: FloatArray
    above: FloatArray

    def __call__(self, pd: FloatArray) -> FloatArray:
        """Give pd* of any pd.

        Parameters
        ----------
        pd : ndarray
            Probabilities; 0 and 1 stay what they are, nan stays nan.
        """
        given = np.asarray(pd, np.float64)
        with np.errstate(divide="ignore"):
            beyond = np.interp(-np.log(given), self.edges, self.above)
        n = self.above[0]
        found = np.clip((beyond + 1) / (n + 1), _CLOSEST, 1 - _CLOSEST)
        return np.where((given <= 0) | (given >= 1) | np.isnan(given), given, found)

    @classmethod
    def as_of(cls, counts: pd.DataFrame, month: dt.date, window_months: int) -> "Margin":
        """Pool what was known at the end of a month.

        Parameters
        ----------
        counts : pandas.DataFrame
            Columns of `marts.fct_margin_count`: month, bin, tail_from, n.
        month : date
            First day of the last month pooled.
        window_months : int
            Months pooled, `residual_window_months`.

        Raises
        ------
        PanelError
            When there are no residuals in these months.
        """
        first = month_of(number(month) - window_months + 1)
        months = pd.to_datetime(counts["month"]).dt.date
        pooled = counts[(months >= first) & (months <= month)].groupby("tail_from")["n"]
        by_bin = pooled.sum().sort_index()
        if by_bin.empty:
            raise PanelError(
                f"there are no residuals from {first:%Y-%m} to {month:%Y-%m}.",
                where="marts.fct_margin_count",
                remedy="Run the DAG `risk_model` for these months first.",
            )
        edges, n = by_bin.index.to_numpy(np.float64), by_bin.to_numpy(np.float64)
        above = n[::-1].cumsum()[::-1]
        width = float(np.diff(edges).min()) if len(edges) > 1 else 1.0
        # Between bins that hold any, nothing lies: the count steps at their upper ends.
        ends = np.append(edges[1:], edges[-1] + width)
        upper = np.minimum(edges + width, ends)
        places = np.column_stack([edges, upper]).ravel()
        values = np.column_stack([above, above - n]).ravel()
        return cls(np.append(0.0, places), np.append(above[0], values))
