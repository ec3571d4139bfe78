"""The likelihood of ordered outcomes: bands of the uniforms, or buckets of days past due.

A borrower-month falls into category k when its latent X lies between two thresholds, so

    P(k) = Phi((tau_k - eta) / sigma) - Phi((tau_{k-1} - eta) / sigma).

The thresholds are the normal quantiles of the categories' pooled shares: the margin is
what was seen over the whole window, and only what moves together is left to `eta`.
"""

from math import erfc, exp, sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ROOT_HALF = sqrt(0.5)
_DENSITY = 1.0 / sqrt(2.0 * np.pi)
# A category as good as impossible: keeps the logarithm finite.
_LEAST = 1e-300


@njit(cache=True, nogil=True)
def ordinal_log_likelihood(
    groups: IntArray,
    counts: FloatArray,
    thresholds: FloatArray,
    level: FloatArray,
    region_effect: FloatArray,
    industry_effect: FloatArray,
    sigma: FloatArray,
) -> tuple[float, Any, Any, Any, Any]:
    """Log-likelihood of all groups, and its gradient.

    Parameters
    ----------
    groups : int array (G, 5)
        As for `comove.joint_risk.kernel.count_log_likelihood`; the last two columns are
        not read.
    counts : float array (G, K)
        Borrowers of the group in each of the K ordered categories.
    thresholds : float array (K - 1,)
        Of the latent X, ascending.
    level, region_effect, industry_effect, sigma
        As for `comove.joint_risk.kernel.count_log_likelihood`.

    Returns
    -------
    tuple
        The log-likelihood without the multinomial coefficients, and its derivatives by
        level, region_effect, industry_effect and sigma.
    """
    total = 0.0
    by_level = np.zeros_like(level)
    by_region = np.zeros(region_effect.shape)
    by_industry = np.zeros(industry_effect.shape)
    by_sigma = np.zeros(sigma.shape)
    categories = counts.shape[1]
    for g in range(len(groups)):
        r, s, t = groups[g, 0], groups[g, 1], groups[g, 2]
        eta = level[t] + region_effect[r, t] + industry_effect[s, t]
        inverse = 1.0 / sigma[r, s]
        above, density, moved = 1.0, 0.0, 0.0
        by_eta, by_inverse = 0.0, 0.0
        for k in range(categories):
            next_above, next_density, next_moved = 0.0, 0.0, 0.0
            if k < categories - 1:
                x = (thresholds[k] - eta) * inverse
                next_above = 0.5 * erfc(x * _ROOT_HALF)
                next_density = _DENSITY * exp(-0.5 * x * x)
                next_moved = next_density * x
            if counts[g, k] > 0.0:
                share = max(above - next_above, _LEAST)
                total += counts[g, k] * np.log(share)
                by_eta += counts[g, k] * (density - next_density) / share
                by_inverse += counts[g, k] * (next_moved - moved) / share
            above, density, moved = next_above, next_density, next_moved
        by_level[t] += by_eta * inverse
        by_region[r, t] += by_eta * inverse
        by_industry[s, t] += by_eta * inverse
        by_sigma[r, s] -= by_inverse * inverse
    return total, by_level, by_region, by_industry, by_sigma


@njit(cache=True, nogil=True)
def ordinal_information(
    groups: IntArray,
    counts: FloatArray,
    thresholds: FloatArray,
    level: FloatArray,
    region_effect: FloatArray,
    industry_effect: FloatArray,
    sigma: FloatArray,
) -> FloatArray:
    """Fisher information of each group's effect ``eta``.

    For parameters see `ordinal_log_likelihood`.

    Returns
    -------
    float array (G,)
        ``n`` times the sum over categories of the squared derivative of P(k), over P(k).
    """
    information = np.zeros(len(groups))
    for g in range(len(groups)):
        r, s, t = groups[g, 0], groups[g, 1], groups[g, 2]
        eta = level[t] + region_effect[r, t] + industry_effect[s, t]
        inverse = 1.0 / sigma[r, s]
        above, density, told = 1.0, 0.0, 0.0
        for k in range(counts.shape[1]):
            next_above, next_density = 0.0, 0.0
            if k < counts.shape[1] - 1:
                x = (thresholds[k] - eta) * inverse
                next_above = 0.5 * erfc(x * _ROOT_HALF)
                next_density = _DENSITY * exp(-0.5 * x * x)
            told += (density - next_density) ** 2 / max(above - next_above, _LEAST)
            above, density = next_above, next_density
        information[g] = counts[g].sum() * told * inverse**2
    return information
