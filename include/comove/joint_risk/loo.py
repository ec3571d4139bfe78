"""How well a posterior tells events it was fitted to, one group of a month left out.

Pareto-smoothed importance sampling leave-one-out (Vehtari, Gelman and Gabry, 2017): one
region, industry and month is left out at a time, the other months before and after stay.
That is interpolation. How well a month is *predicted* is what `risk.index_validation`
says; the two are read side by side.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from comove.joint_risk.draws import Draws
from comove.joint_risk.panel import OrdinalPanel, Panel
from comove.joint_risk.pointwise import pointwise_log_likelihood

FloatArray = NDArray[np.float64]

# Enough for the fit of a tail of 3 sqrt(400) = 60 weights a group.
LOO_DRAWS = 400
# Above it, importance sampling of a group is not to be trusted.
LARGEST_K = 0.7


@dataclass(frozen=True)
class Loo:
    """What leaving out each group gives.

    Parameters
    ----------
    elpd : ndarray, shape (G,)
        Log predictive density of each region, industry and month left out.
    log_density : ndarray, shape (G,)
        The same with nothing left out.
    pareto_k : ndarray, shape (G,)
        Shape of the tail of the importance weights.
    """

    elpd: FloatArray
    log_density: FloatArray
    pareto_k: FloatArray

    @property
    def total(self) -> float:
        """Sum over groups, ``elpd_loo``."""
        return float(self.elpd.sum())

    @property
    def error(self) -> float:
        """Standard error of the sum."""
        return _error(self.elpd)


def loo_table(
    panel: Panel | OrdinalPanel, draws: Draws, *, seed: int = 0
) -> dict[str, float]:
    """Summarise leave-one-out of a posterior.

    Parameters
    ----------
    panel : Panel or OrdinalPanel
        The counts it was fitted to.
    draws : Draws
        The posterior.
    seed : int
        Of the months' scales of a Student-t copula.

    Returns
    -------
    dict
        ``elpd_loo``, ``elpd_loo_se``, ``p_loo`` (effective number of parameters),
        ``pareto_k_above`` (share of groups above 0.7), ``groups``.
    """
    return _summary(leave_one_out(panel, draws, seed=seed))


def compare(
    panel: Panel | OrdinalPanel, models: Mapping[str, Draws], *, seed: int = 0
) -> pd.DataFrame:
    """Compare posteriors of the same counts.

    Parameters
    ----------
    panel : Panel or OrdinalPanel
        The counts.
    models : mapping of str to Draws
        Posteriors by the name of their model.
    seed : int
        As for `loo_table`.

    Returns
    -------
    pandas.DataFrame
        One row a model: ``model``, what `loo_table` gives, ``elpd_difference`` to the
        best one (0 or less) and ``elpd_difference_se``, of the groups' own differences.
    """
    found = {name: leave_one_out(panel, one, seed=seed) for name, one in models.items()}
    best = max(found.values(), key=lambda one: one.total, default=None)
    rows = [
        {"model": name, **_summary(one), **_difference(one, best)}
        for name, one in found.items()
        if best is not None
    ]
    return pd.DataFrame(rows)


def leave_one_out(panel: Panel | OrdinalPanel, draws: Draws, *, seed: int = 0) -> Loo:
    """Leave out each region, industry and month in turn.

    Parameters
    ----------
    panel, draws, seed
        As for `loo_table`; of the draws at most 400 are used, evenly spaced.
    """
    kept = draws.thinned(LOO_DRAWS)
    values = pointwise_log_likelihood(panel, kept, seed=seed)
    tree = xr.DataTree.from_dict(
        {
            "log_likelihood": xr.Dataset(
                {"events": (("chain", "draw", "group"), values[None])}
            )
        }
    )
    with warnings.catch_warnings():
        # A warning about large k says what `pareto_k_above` does.
        warnings.simplefilter("ignore", UserWarning)
        # The draws are thinned until they are nearly independent.
        found = az.loo(tree, reff=1.0, pointwise=True)
    largest = values.max(axis=0)
    density = np.log(np.exp(values - largest).mean(axis=0)) + largest
    return Loo(
        np.asarray(found.elpd_i, np.float64),
        density,
        np.asarray(found.pareto_k, np.float64),
    )


def _summary(found: Loo) -> dict[str, float]:
    return {
        "elpd_loo": found.total,
        "elpd_loo_se": found.error,
        "p_loo": float((found.log_density - found.elpd).sum()),
        "pareto_k_above": float((found.pareto_k > LARGEST_K).mean()),
        "groups": len(found.elpd),
    }


def _difference(one: Loo, best: Loo) -> dict[str, float]:
    lost = one.elpd - best.elpd
    return {"elpd_difference": float(lost.sum()), "elpd_difference_se": _error(lost)}


def _error(values: FloatArray) -> float:
    return float(np.sqrt(len(values) * values.var()))
