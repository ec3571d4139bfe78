r"""A blend of models: the weighted mean of their log-odds.

:math:`m = \sum_k w_k m_k` with :math:`w_k \ge 0` and :math:`\sum_k w_k = 1` (a
logarithmic opinion pool, Genest and Zidek, 1986). The weights minimise the log loss,
which is convex in them, on rows the members were not fitted on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from comove.errors import ModelError
from comove.risk_model.calibration import require_finite

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]

BLEND_FILE = "blend.json"

# Weights below this are the optimiser's dust.
LEAST_WEIGHT = 1e-6


class Member(Protocol):
    """What a blend mixes."""

    def margin(self, x: FeatureMatrix) -> FloatArray:
        """Compute the log-odds of the event, shape (n,)."""
        ...


@dataclass(frozen=True)
class Blend:
    """Named members and their weights.

    Parameters
    ----------
    weights : mapping of str to float
        Weight of each member: at least 0, summing to 1.
    members : mapping of str to Member
        The models of those names; not needed to `mix` margins known already.
    """

    weights: Mapping[str, float]
    members: Mapping[str, Member] = field(default_factory=dict)

    algorithm: ClassVar[str] = "blend"

    def __post_init__(self) -> None:
        """Refuse weights that are no mean."""
        given = list(self.weights.values())
        if not (given and min(given) >= 0 and abs(sum(given) - 1) < 1e-9):
            raise ModelError(
                f"the weights are {dict(self.weights)}.",
                where="blend",
                remedy="Give at least one, each at least 0, with a sum of 1.",
            )

    def mix(self, margins: Mapping[str, FloatArray]) -> FloatArray:
        """Take the weighted mean of margins.

        Parameters
        ----------
        margins : mapping of str to ndarray of shape (n,)
            Log-odds by each member; those of weight 0 are not looked at.

        Returns
        -------
        ndarray, shape (n,)
            Log-odds of the event.

        Raises
        ------
        ModelError
            If a member's margins are not there.
        """
        parts = [
            weight * np.asarray(_named(margins, name), dtype=np.float64)
            for name, weight in self.weights.items()
            if weight > 0
        ]
        return np.sum(parts, axis=0, dtype=np.float64)

    def margin(self, x: FeatureMatrix) -> FloatArray:
        """Compute the log-odds of the event by asking the members.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features in the columns the members were fitted on.

        Returns
        -------
        ndarray, shape (n,)
            Log-odds.

        Raises
        ------
        ModelError
            If a member is not there.
        """
        asked = (name for name, weight in self.weights.items() if weight > 0)
        return self.mix({name: _named(self.members, name).margin(x) for name in asked})

    def save(self, folder: Path) -> None:
        """Write the weights as JSON; the members are saved by themselves.

        Parameters
        ----------
        folder : Path
            Folder to write to; made if it is not there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        stored = json.dumps({"weights": dict(self.weights)}, indent=1)
        (folder / BLEND_FILE).write_text(stored + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path, members: Mapping[str, Member] | None = None) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
            Folder written by `save`.
        members : mapping of str to Member, optional
            The members, loaded already.

        Returns
        -------
        Blend
            The same blend.

        Raises
        ------
        ModelError
            If the file is not there or cannot be read.
        """
        try:
            stored = json.loads((folder / BLEND_FILE).read_text("utf-8"))
            weights = {name: float(part) for name, part in stored["weights"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"no blend can be read ({type(error).__name__}: {error}).",
                where=str(folder),
                remedy="Train the month again, or restore the folder from a backup.",
            ) from error
        return cls(weights, members or {})


def _named[T](given: Mapping[str, T], name: str) -> T:
    if name not in given:
        raise ModelError(
            f"the member {name} is not there; there are: {', '.join(given) or 'none'}.",
            where="blend",
            remedy="Give every member that has a weight.",
        )
    return given[name]


def fit_weights(margins: Mapping[str, FloatArray], y: FloatArray) -> dict[str, float]:
    """Find the weights of least log loss.

    Parameters
    ----------
    margins : mapping of str to ndarray of shape (n,)
        Log-odds by each member, finite, on rows it was not fitted on.
    y : ndarray, shape (n,)
        1 for an event, else 0.

    Returns
    -------
    dict of str to float
        Weight of each member: at least 0, summing to 1. On these rows the blend's log
        loss is at most that of the best member.

    Raises
    ------
    ModelError
        If there is no member or no row, or a margin is not finite.
    """
    if not margins:
        raise ModelError(
            "there is no member.", where="blend", remedy="Give at least one model."
        )
    stacked = np.array([np.asarray(part, dtype=np.float64) for part in margins.values()])
    require_finite(stacked, where="blend")
    best = _least_loss(stacked, np.asarray(y, dtype=np.float64))
    return dict(zip(margins, best.tolist(), strict=True))


def _least_loss(stacked: FloatArray, y: FloatArray) -> FloatArray:
    """Minimise over the simplex, and never do worse than at a corner."""
    corners = np.eye(len(stacked))
    losses = [_loss(corner, stacked, y) for corner in corners]
    # The optimiser's tolerance is absolute; a loss near 1 makes it a relative one.
    scale = max(min(losses), np.finfo(np.float64).tiny)
    found = minimize(
        lambda weights: _loss(weights, stacked, y) / scale,
        x0=np.full(len(stacked), 1 / len(stacked)),
        jac=lambda weights: _slope(weights, stacked, y) / scale,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(stacked),
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1.0},
        options={"ftol": 1e-12, "maxiter": 200},
    ).x
    inner = np.where(found < LEAST_WEIGHT, 0.0, found)
    tried = [*corners, inner / inner.sum()] if inner.sum() > 0 else [*corners]
    return min(tried, key=lambda weights: _loss(weights, stacked, y))


def _loss(weights: FloatArray, stacked: FloatArray, y: FloatArray) -> float:
    margin = weights @ stacked
    return float((np.logaddexp(0.0, margin).sum() - y @ margin) / len(y))


def _slope(weights: FloatArray, stacked: FloatArray, y: FloatArray) -> FloatArray:
    slope: FloatArray = stacked @ (expit(weights @ stacked) - y) / len(y)
    return slope
