"""T+0 validates what T-1 said: every model's prediction of a month, scored on it."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.special import ndtri

from comove.joint_risk.draws import Draws
from comove.joint_risk.index import place_column
from comove.joint_risk.index_table import LIMIT, IndexTable, cell_positions
from comove.joint_risk.outlook import look_ahead
from comove.risk_model.folds import number
from comove.risk_model.metrics import auc

FloatArray = NDArray[np.float64]

# Predictions nearer to 0 or 1 would make one borrower's loss outweigh all others.
_CLOSEST = 1e-9
# A group's ratio is drawn to that of all groups as if it had seen so many events more.
_POOLED_EVENTS = 10.0
_NORMAL_95 = 1.6448536269514722


@dataclass(frozen=True)
class Outcomes:
    """Borrowers of a month that has happened.

    Parameters
    ----------
    region, industry : pyarrow.Array
        Names of groups.
    pd : ndarray, shape (N,)
        What the conventional model said.
    is_event : ndarray of float, shape (N,)
        1 where an event happened.
    """

    region: Any
    industry: Any
    pd: FloatArray
    is_event: FloatArray

    @classmethod
    def read(cls, file: Path) -> "Outcomes":
        """Read the borrowers of a month, as `export_cells` wrote them."""
        table = pq.read_table(file, columns=["region", "industry", "pd", "is_event"])
        table = table.combine_chunks()
        numbers = {
            name: table[name].cast("float64").to_numpy() for name in ("pd", "is_event")
        }
        region, industry = (
            table[name].combine_chunks() for name in ("region", "industry")
        )
        return cls(region, industry, **numbers)

    def __len__(self) -> int:
        """Count the borrowers."""
        return len(self.pd)


@dataclass(frozen=True)
class Rival:
    """A posterior to be scored.

    Parameters
    ----------
    draws : Draws
        As of the month before.
    model_version : str
        Its name.
    """

    draws: Draws
    model_version: str


def joint_probability(
    outcomes: Outcomes, draws: Draws, margin: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Predict each borrower's event by a posterior of the months before.

    Parameters
    ----------
    outcomes : Outcomes
        Borrowers; their events are not read.
    draws : Draws
        Up to the month before.
    margin : callable
        Turns pd into pd*, as of the month before.
    """
    outlook = look_ahead(draws)
    z = np.clip(ndtri(margin(outcomes.pd)), -LIMIT, LIMIT)
    table = IndexTable.build(outlook, float(z.min()), float(z.max()))
    cell = cell_positions(
        outlook,
        place_column(outlook, outcomes.region, "regions"),
        place_column(outlook, outcomes.industry, "industries"),
    )
    return table.look_up(cell, z, outcomes.pd).probability


def ewma_probability(
    outcomes: Outcomes,
    cells: pd.DataFrame,
    as_of: dt.date,
    half_life_months: float,
) -> FloatArray:
    """Predict by what regions' events were of those expected, lately.

    The ratio of observed to expected events, months weighted by a half-life; a region's
    is drawn to that of all, by ten events. No probability is more than 1.

    Parameters
    ----------
    outcomes : Outcomes
        Borrowers; their events are not read.
    cells : pandas.DataFrame
        Rows of `marts.fct_copula_cell`.
    as_of : date
        First day of the last month that is known.
    half_life_months : float
        After so many months a month counts half.
    """
    known = cells[cells["month"] <= as_of]
    age = number(as_of) - known["month"].map(number)
    weight = 0.5 ** (age / half_life_months)
    sums = pd.DataFrame(
        {
            "events": known["events"] * weight,
            "expected": known["n"] * known["mean_model_pd"] * weight,
        }
    )
    total = sums.sum()
    overall = total["events"] / total["expected"] if total["expected"] > 0 else 1.0
    by_region = sums.groupby(known["region"]).sum()
    ratio = (by_region["events"] + _POOLED_EVENTS * overall) / (
        by_region["expected"] + _POOLED_EVENTS
    )
    regions = pd.Series(outcomes.region.to_pylist())
    factor = regions.map(ratio).fillna(overall).to_numpy(np.float64)
    # A ratio above 1 must not make more than a certainty of a high pd.
    return np.asarray(np.minimum(outcomes.pd * factor, 1.0))


def scores(
    outcomes: Outcomes, predictions: Mapping[str, FloatArray]
) -> list[dict[str, Any]]:
    """Score predictions against what happened.

    Parameters
    ----------
    outcomes : Outcomes
        Borrowers of a month.
    predictions : mapping of str to ndarray, shape (N,)
        Probabilities by model; ``independent`` is what the others are compared with.

    Returns
    -------
    list of dict
        Per model: ``log_loss``, ``brier``, ``auc``, ``n``, ``events``,
        ``expected_events``, ``skill`` (share of the log loss of ``independent`` that is
        saved) with ``skill_se`` over borrowers and its 90 % interval.
    """
    happened = outcomes.is_event
    losses = {name: _log_losses(happened, p) for name, p in predictions.items()}
    reference = losses["independent"]
    return [
        {
            "model": name,
            "log_loss": float(losses[name].mean()),
            "brier": float(np.square(happened - p).mean()),
            "auc": _auc(happened, p),
            "n": len(outcomes),
            "events": int(happened.sum()),
            "expected_events": float(p.sum()),
            **_skill(reference, losses[name]),
        }
        for name, p in predictions.items()
    ]


def _log_losses(happened: FloatArray, p: FloatArray) -> FloatArray:
    kept = np.clip(p, _CLOSEST, 1 - _CLOSEST)
    return -np.where(happened > 0, np.log(kept), np.log1p(-kept))


def _auc(happened: FloatArray, p: FloatArray) -> float | None:
    if not 0 < happened.sum() < len(happened):
        return None
    return float(auc(happened, p))


def _skill(reference: FloatArray, losses: FloatArray) -> dict[str, float]:
    base = reference.mean()
    saved = (reference - losses) / base
    error = float(saved.std() / np.sqrt(len(saved)))
    mean = float(saved.mean())
    return {
        "skill": mean,
        "skill_se": error,
        "skill_q05": mean - _NORMAL_95 * error,
        "skill_q95": mean + _NORMAL_95 * error,
    }
