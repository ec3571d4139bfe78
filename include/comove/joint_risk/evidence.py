"""What counts say about the factors: the two likelihoods behind one face."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from comove.joint_risk import month_scale
from comove.joint_risk.graph import CountLikelihood, OrdinalLikelihood
from comove.joint_risk.kernel import count_log_likelihood, expected_information
from comove.joint_risk.known import known
from comove.joint_risk.ordinal import ordinal_information, ordinal_log_likelihood
from comove.joint_risk.panel import OrdinalPanel, Panel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Tensor = Any


@dataclass(frozen=True)
class Effects:
    """What the likelihood sees of the factors.

    Parameters
    ----------
    level : array or tensor, shape (T,)
        Common to all cells of a month.
    region, industry : array or tensor, shape (R, T), (S, T)
        What regions and industries add to it.
    """

    level: Any
    region: Any
    industry: Any


class Evidence(Protocol):
    """Counts with their likelihood."""

    @property
    def panel(self) -> Panel | OrdinalPanel:
        """The counts."""

    @property
    def threshold(self) -> float:
        """Threshold near which the counts say most."""

    def derivatives(
        self, effects: Effects, sigma: FloatArray
    ) -> tuple[Effects, FloatArray]:
        """Gradient of the log-likelihood, and each group's Fisher information (G,)."""

    def add(self, effects: Effects, sigma: Tensor) -> None:
        """Put the log-likelihood into the PyMC model whose context is open."""


@dataclass(frozen=True)
class ThresholdEvidence:
    """Events per cell: binomial given the factors.

    Parameters
    ----------
    panel : Panel
        The counts.
    """

    panel: Panel

    @cached_property
    def threshold(self) -> float:
        """Mean threshold, weighted by expected events."""
        weights = self.panel.n * self.panel.pd
        return float(np.average(ndtri(self.panel.pd), weights=weights))

    @cached_property
    def _data(self) -> tuple[IntArray, FloatArray, FloatArray]:
        return (
            self.panel.groups,
            self.panel.counts,
            ndtri(self.panel.pd)[self.panel.order],
        )

    def derivatives(
        self, effects: Effects, sigma: FloatArray
    ) -> tuple[Effects, FloatArray]:
        """See `Evidence`."""
        paths = effects.level, effects.region, effects.industry, sigma
        found = count_log_likelihood(*self._data, *paths, np.ones(len(effects.level)))
        return Effects(*found[2:5]), expected_information(*self._data, *paths)

    def add(
        self, effects: Effects, sigma: Tensor, common: month_scale.Common | None = None
    ) -> None:
        """See `Evidence`; with a common scale, thresholds are Student-t quantiles."""
        groups, counts, z = self._data
        # As many as there are: their number is not part of the compiled code.
        cells: Any = pm.Data("cells", np.vstack([counts, z]))
        if common is None:
            threshold, scale = cells[2], pt.ones(effects.level.shape)
        else:
            threshold, scale = month_scale.cell_thresholds(z, common.nu), common.scale
        found: Any = CountLikelihood()(
            pm.Data("groups", groups),
            cells[:2],
            threshold,
            effects.level,
            effects.region,
            effects.industry,
            sigma,
            scale,
        )
        pm.Potential("events_likelihood", found[0])


@dataclass(frozen=True)
class OrdinalEvidence:
    """Ordered categories per region, industry and month: multinomial given the factors.

    Parameters
    ----------
    panel : OrdinalPanel
        The counts.
    """

    panel: OrdinalPanel

    @cached_property
    def thresholds(self) -> FloatArray:
        """Of the latent X, between categories, shape (K - 1,)."""
        totals = self.panel.counts.sum(axis=0).astype(np.float64)
        return np.asarray(ndtri(np.cumsum(totals)[:-1] / totals.sum()))

    @cached_property
    def threshold(self) -> float:
        """Minus the mean of the thresholds, weighted by what each tells."""
        below = ndtr(self.thresholds)
        return -float(np.average(self.thresholds, weights=below * (1 - below)))

    def derivatives(
        self, effects: Effects, sigma: FloatArray
    ) -> tuple[Effects, FloatArray]:
        """See `Evidence`."""
        paths = effects.level, effects.region, effects.industry, sigma
        data = self.panel.groups, self.panel.counts.astype(np.float64), self.thresholds
        found = ordinal_log_likelihood(*data, *paths)
        return Effects(*found[1:4]), ordinal_information(*data, *paths)

    def add(self, effects: Effects, sigma: Tensor) -> None:
        """See `Evidence`."""
        found: Any = OrdinalLikelihood()(
            pm.Data("groups", self.panel.groups),
            pm.Data("counts", self.panel.counts.astype(np.float64)),
            known(self.thresholds),
            effects.level,
            effects.region,
            effects.industry,
            sigma,
        )
        pm.Potential("events_likelihood", found[0])
