"""What counts can tell of loadings, before any sampling.

The counts of a group see its path with noise of variance ``1 / i``, where ``i`` is the
Fisher information of a month's counts about the group's effect. Of such a path's loading
and autoregression Whittle (1953) gives the information. It is asked of a loading as usual
as the prior's median: a portfolio that could not tell such a one is too small, whereas a
loading that is found to be near 0 is a finding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from comove.joint_risk.evidence import Effects, Evidence
from comove.joint_risk.loading import bounded_loading
from comove.joint_risk.panel import OrdinalPanel, Panel
from comove.joint_risk.sufficiency import LARGEST_RATIO, Sufficiency
from comove.settings import Settings

FloatArray = NDArray[np.float64]

_FREQUENCIES = 200
_MOST = 1e8


def sufficiency(
    evidence: Evidence, priors: Settings, *, single: bool = False
) -> list[Sufficiency]:
    """Judge what counts can tell of the loadings.

    Parameters
    ----------
    evidence : Evidence
        The counts.
    priors : Settings
        Settings: usual loadings, and how uncertain they are.
    single : bool
        Of the national factor alone.

    Returns
    -------
    list of Sufficiency
        Of the national factor, and of regions and industries where there are several.
    """
    regions, industries, months = evidence.panel.shape
    information, counted = _by_group(evidence, priors)
    region, industry, month = evidence.panel.groups[:, :3].T
    kinds = {
        "national": (np.zeros_like(region), 1, priors.joint_prior_national_loading),
        "region": (region, regions, priors.joint_prior_group_loading),
        "industry": (industry, industries, priors.joint_prior_group_loading),
    }
    found = []
    for kind, (group, count, usual) in kinds.items():
        if kind != "national" and (single or count == 1):
            continue
        grids = [
            np.bincount(group * months + month, one, count * months)
            for one in (information, counted)
        ]
        usual_square = float(bounded_loading(np.log(usual))) ** 2
        known = _Kind(
            usual_square * grids[0].reshape(count, months).mean(axis=1),
            months,
            0.0 if kind == "national" else priors.joint_prior_pooling_spread,
            priors,
        )
        counted_each = float(grids[1].mean())
        found.append(
            Sufficiency(
                kind=kind,
                groups=count,
                months=months,
                unit="events" if isinstance(evidence.panel, Panel) else "borrowers",
                counted=counted_each,
                ratio=known.ratio(),
                needed=counted_each * _least(partial(_enough, known)),
                needed_months=months * _least(partial(_long_enough, known)),
            )
        )
    return found


@dataclass(frozen=True)
class _Kind:
    """Paths of one kind: mean signal ``l^2 i`` of each group (G,), over some months."""

    signal: FloatArray
    months: float
    pooling_spread: float
    priors: Settings

    def ratio(self, more: float = 1.0, longer: float = 1.0) -> float:
        """Give the deviation left over the prior's, with so many times the data."""
        a, b, c = path_information(more * self.signal, longer * self.months, self._phi)
        # Groups' loadings differ from their common one: that much of each is noise.
        kept = 1 / (1 + a * self.pooling_spread**2)
        about_phi = float((c - kept * (b * self.pooling_spread) ** 2).sum())
        about_phi = self._share * about_phi + self._phi_precision
        mixed = self._share * float((kept * b).sum())
        told = self._share * float((kept * a).sum()) - mixed**2 / about_phi
        return 1 / sqrt(1 + told * self.priors.joint_prior_log_loading_spread**2)

    @property
    def _share(self) -> float:
        """One path of a kind's groups is the level's."""
        return 1.0 if len(self.signal) == 1 else 1 - 1 / len(self.signal)

    @property
    def _phi(self) -> float:
        alpha, beta = self.priors.joint_prior_phi_alpha, self.priors.joint_prior_phi_beta
        return alpha / (alpha + beta)

    @property
    def _phi_precision(self) -> float:
        alpha, beta = self.priors.joint_prior_phi_alpha, self.priors.joint_prior_phi_beta
        return (alpha + beta + 1) / (self._phi * (1 - self._phi))


def path_information(
    signal: FloatArray, months: float, phi: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fisher information of log loading and autoregression of paths seen with noise.

    Parameters
    ----------
    signal : ndarray, shape (G,)
        Variance of each path over that of its noise.
    months : float
        Length.
    phi : float
        Autoregression of the paths.

    Returns
    -------
    tuple of ndarray, shape (G,)
        Of the log loading, mixed, and of the autoregression, by the spectrum.
    """
    at = np.cos(np.pi * (np.arange(_FREQUENCIES) + 0.5) / _FREQUENCIES)
    below = 1 - 2 * phi * at + phi**2
    power = signal[:, None] * (1 - phi**2) / below
    by_loading = 2 * power / (1 + power)
    by_phi = 2 * (at - phi) / below - 2 * phi / (1 - phi**2)
    by_phi = 0.5 * by_loading * by_phi
    half = months / 2
    return (
        half * (by_loading**2).mean(axis=1),
        half * (by_loading * by_phi).mean(axis=1),
        half * (by_phi**2).mean(axis=1),
    )


def _enough(kind: _Kind, more: float) -> bool:
    return kind.ratio(more=more) <= LARGEST_RATIO


def _long_enough(kind: _Kind, longer: float) -> bool:
    return kind.ratio(longer=longer) <= LARGEST_RATIO


def _least(suffices: Callable[[float], bool]) -> float:
    """Find the least multiple that suffices; infinite where none does."""
    low, high = 1e-6, _MOST
    if not suffices(high):
        return inf
    for _ in range(60):
        middle = sqrt(low * high)
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _by_group(evidence: Evidence, priors: Settings) -> tuple[FloatArray, FloatArray]:
    """Information and counts of each region, industry and month, shape (G,)."""
    regions, industries, months = evidence.panel.shape
    effects = Effects(
        np.zeros(months), np.zeros((regions, months)), np.zeros((industries, months))
    )
    shared = priors.joint_prior_national_loading**2
    shared += 2 * priors.joint_prior_group_loading**2
    sigma = np.full((regions, industries), sqrt(1 - min(shared, 0.9)))
    _, information = evidence.derivatives(effects, sigma)
    return information, _counted(evidence.panel)


def _counted(panel: Panel | OrdinalPanel) -> FloatArray:
    if isinstance(panel, OrdinalPanel):
        return panel.counts.sum(axis=1).astype(np.float64)
    # Those expected: information is of what is expected, too.
    expected = (panel.n * panel.pd)[panel.order]
    return np.add.reduceat(expected, panel.groups[:, 3])
