"""The log-likelihood of each region, industry and month, given each posterior draw."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import gammaln, ndtr, ndtri

from comove.joint_risk.draws import Draws
from comove.joint_risk.evidence import OrdinalEvidence
from comove.joint_risk.kernel import _log_phi
from comove.joint_risk.panel import OrdinalPanel, Panel
from comove.joint_risk.student_t import scale_nodes, thresholds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_LEAST = 1e-300
# Places at which t quantiles are worked out; between them a spline is right to 1e-6.
_QUANTILE_NODES = 200
# A month's scale is found on so many nodes, narrowed so many times to where the density
# is within so many e-folds of its peak.
_SCALE_NODES, _ZOOMS, _FOLDS = 16, 3, 10.0


def pointwise_log_likelihood(
    panel: Panel | OrdinalPanel, draws: Draws, *, seed: int = 0
) -> FloatArray:
    """Log-likelihood of each group's counts given each draw, coefficients in.

    It is that of the likelihood the draws were fitted with: binomial for events by pd,
    multinomial for ordered outcomes.

    Parameters
    ----------
    panel : Panel or OrdinalPanel
        The counts; its regions, industries and months are those of the draws.
    draws : Draws
        The posterior.
    seed : int
        Of the months' scales of a Student-t copula: they are not stored, so one is drawn
        from its distribution given the draw and the month's events.

    Returns
    -------
    ndarray, shape (D, G)
        Groups in the order of `Panel.groups`.
    """
    if isinstance(panel, OrdinalPanel):
        return _ordinal(panel, draws)
    n, events = panel.counts
    coefficients = gammaln(n + 1) - gammaln(events + 1) - gammaln(n - events + 1)
    constant = np.add.reduceat(coefficients, panel.groups[:, 3])
    z = ndtri(panel.pd)[panel.order]
    effect = _group_effects(panel, draws)
    inverse = _group_inverse_sigma(panel, draws)
    if draws.nu is None:
        ones = np.ones((draws.count, len(panel.months)))
        return constant + _log_likelihoods(
            panel.groups, panel.counts, z, effect, inverse, ones
        )
    return constant + _student_t(panel, draws.nu, (z, effect, inverse), seed)


def _ordinal(panel: OrdinalPanel, draws: Draws) -> FloatArray:
    """Log-likelihoods (D, G) of the categories of each group."""
    counts = panel.counts.astype(np.float64)
    constant = gammaln(counts.sum(axis=1) + 1) - gammaln(counts + 1).sum(axis=1)
    effect = _group_effects(panel, draws)
    inverse = _group_inverse_sigma(panel, draws)
    above = np.ones_like(effect)
    found = np.broadcast_to(constant, effect.shape).copy()
    for category, edge in enumerate([*OrdinalEvidence(panel).thresholds, np.inf]):
        beyond = ndtr((effect - edge) * inverse)
        # A category as good as impossible keeps its logarithm finite, as in the fit.
        found += counts[:, category] * np.log(np.maximum(above - beyond, _LEAST))
        above = beyond
    return found


def _student_t(
    panel: Panel,
    nu: FloatArray,
    given: tuple[FloatArray, FloatArray, FloatArray],
    seed: int,
) -> FloatArray:
    """Log-likelihoods (D, G), given scales of the months drawn from what is left open."""
    z, effect, inverse = given
    random = np.random.default_rng(seed)
    found = np.empty(effect.shape)
    for d, freedom in enumerate(nu):
        month_of = _OneDraw(panel, _t_quantiles(z, float(freedom)), effect[d], inverse[d])
        found[d] = month_of.drawn(float(freedom), random)
    return found


def _t_quantiles(z: FloatArray, nu: float) -> FloatArray:
    at = np.linspace(z.min() - 0.01, z.max() + 0.01, _QUANTILE_NODES)
    return np.asarray(CubicSpline(at, thresholds(at, np.array([nu]), 1)[0])(z))


@dataclass(frozen=True)
class _OneDraw:
    """One draw's thresholds (C,), effects (G,) and inverse sigmas (G,)."""

    panel: Panel
    threshold: FloatArray
    effect: FloatArray
    inverse: FloatArray

    def drawn(self, nu: float, random: np.random.Generator) -> FloatArray:
        """Log-likelihoods (G,) at scales drawn given the draw and the events."""
        months = len(self.panel.months)
        scale = scale_nodes(np.array([nu]), 1, _SCALE_NODES)[0][0]
        u = np.repeat(np.log(scale)[:, None], months, axis=1)
        for _ in range(_ZOOMS):
            u = _zoomed(u, self._log_density(nu, u, self._at(u)))
        at = self._at(u)
        density = self._log_density(nu, u, at)
        # The largest of log weights with Gumbel noise is a draw (Gumbel, 1954).
        chosen = (density + random.gumbel(size=u.shape)).argmax(axis=0)
        month = self.panel.groups[:, 2]
        return np.asarray(at[chosen[month], np.arange(len(month))])

    def _at(self, u: FloatArray) -> FloatArray:
        """Log-likelihoods (K, G) at logs of scales (K, T)."""
        shape = len(u), len(self.effect)
        return _log_likelihoods(
            self.panel.groups,
            self.panel.counts,
            self.threshold,
            np.broadcast_to(self.effect, shape),
            np.broadcast_to(self.inverse, shape),
            np.exp(u),
        )

    def _log_density(self, nu: float, u: FloatArray, at: FloatArray) -> FloatArray:
        """Of the logs of scales (K, T), up to a constant of each month."""
        by_month = np.zeros(u.shape[::-1])
        np.add.at(by_month, self.panel.groups[:, 2], at.T)
        return np.asarray(nu * (u - 0.5 * np.exp(2 * u)) + by_month.T)


def _zoomed(u: FloatArray, density: FloatArray) -> FloatArray:
    """Nodes (K, T) between those beyond which next to nothing lies."""
    kept = density > density.max(axis=0) - _FOLDS
    last, months = len(u) - 1, np.arange(u.shape[1])
    low = np.maximum(kept.argmax(axis=0) - 1, 0)
    high = np.minimum(last - kept[::-1].argmax(axis=0) + 1, last)
    share = np.linspace(0.0, 1.0, _SCALE_NODES)[:, None]
    return np.asarray(u[low, months] + share * (u[high, months] - u[low, months]))


def _group_effects(panel: Panel | OrdinalPanel, draws: Draws) -> FloatArray:
    """Effect of each group in each draw, (D, G)."""
    region, industry, month = panel.groups[:, :3].T
    of_region = draws.loading_region[:, :, None] * draws.region
    of_region = of_region + draws.offset_region[:, :, None]
    of_industry = draws.loading_industry[:, :, None] * draws.industry
    of_industry = of_industry + draws.offset_industry[:, :, None]
    level = draws.loading_national[:, None] * draws.national
    return np.ascontiguousarray(
        level[:, month] + of_region[:, region, month] + of_industry[:, industry, month]
    )


def _group_inverse_sigma(panel: Panel | OrdinalPanel, draws: Draws) -> FloatArray:
    """One over the idiosyncratic standard deviation of each group, (D, G)."""
    region, industry = panel.groups[:, :2].T
    return np.ascontiguousarray(draws.sigma_squared[:, region, industry] ** -0.5)


@njit(cache=True, nogil=True)
def _log_likelihoods(
    groups: IntArray,
    counts: FloatArray,
    z: FloatArray,
    effect: FloatArray,
    inverse: FloatArray,
    scale: FloatArray,
) -> FloatArray:
    found = np.zeros(effect.shape)
    for d in range(effect.shape[0]):
        for g in range(effect.shape[1]):
            c, eta, by = scale[d, groups[g, 2]], effect[d, g], inverse[d, g]
            total = 0.0
            for i in range(groups[g, 3], groups[g, 4]):
                x = (c * z[i] + eta) * by
                events = counts[1, i]
                total += (counts[0, i] - events) * _log_phi(-x)[0]
                if events > 0.0:
                    total += events * _log_phi(x)[0]
            found[d, g] = total
    return found
