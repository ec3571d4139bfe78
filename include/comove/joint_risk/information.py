"""What counts can tell of loadings, before any sampling.

A month tells ``2 s^2`` of the log of a loading, where ``s = l^2 i / (1 + l^2 i)`` is the
share of a group's effect that is its own, not noise, and ``i`` the Fisher information of
the month's counts about the effect (`comove.joint_risk.pilot`). It is asked of a loading
as usual as the prior's median: a portfolio that could not tell such a one is too small,
whereas a loading that is found to be near 0 is a finding.
"""

from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from comove.joint_risk.evidence import Effects, Evidence
from comove.joint_risk.loading import bounded_loading
from comove.joint_risk.model import Priors
from comove.joint_risk.panel import OrdinalPanel, Panel
from comove.joint_risk.sufficiency import LARGEST_RATIO, Sufficiency

FloatArray = NDArray[np.float64]


def sufficiency(
    evidence: Evidence, priors: Priors, *, single: bool = False
) -> list[Sufficiency]:
    """Judge what counts can tell of the loadings.

    Parameters
    ----------
    evidence : Evidence
        The counts.
    priors : Priors
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
        unit = "events" if isinstance(evidence.panel, Panel) else "borrowers"
        signal = float(bounded_loading(np.log(usual))) ** 2 * grids[0]
        facts = kind, count, months, unit, float(grids[1].mean())
        found.append(_judged(facts, signal, priors.joint_prior_log_loading_spread))
    return found


def _judged(
    facts: tuple[str, int, int, str, float], signal: FloatArray, spread: float
) -> Sufficiency:
    """Judge by the signal of each group and month, shape (G T,)."""
    kind, groups, months, unit, counted = facts
    # One path of a kind's groups is the level's.
    free = 1.0 if groups == 1 else (groups - 1) / groups
    told = 2 * free * float(((signal / (1 + signal)) ** 2).sum())
    wanted = (LARGEST_RATIO**-2 - 1) / spread**2
    share = sqrt(wanted / (2 * free * groups * months))
    each = signal.mean() / counted if counted > 0 else 0.0
    enough = share < 1 and each > 0
    return Sufficiency(
        kind=kind,
        groups=groups,
        months=months,
        unit=unit,
        counted=counted,
        ratio=(1 + told * spread**2) ** -0.5,
        needed=float(share / (1 - share) / each) if enough else inf,
        needed_months=months * wanted / told if told > 0 else inf,
    )


def _by_group(evidence: Evidence, priors: Priors) -> tuple[FloatArray, FloatArray]:
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
