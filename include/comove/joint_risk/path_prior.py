"""Prior densities of the sampled paths, with their gradients.

Up to constants; docs/factor-copula.md derives both.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@njit(cache=True, nogil=True)
def deviation_log_density(
    path: FloatArray, loading: FloatArray, phi: float
) -> tuple[float, Any, Any, float]:
    """Log density of groups' deviations, their common part integrated out.

    Effects of groups are independent AR(1) paths of standard deviation ``loading``. Only
    their deviations d from a weighted mean are given; a common shift m is free, so

        p(d) = integral over m of prod_t prod_r N(w_rt + m_t; 0, loading_r^2),

    with w the standardised innovations of d.

    Parameters
    ----------
    path : float array (G, T)
        Deviations.
    loading : float array (G,)
        Standard deviation of each group's effect.
    phi : float
        Autoregression.

    Returns
    -------
    tuple
        The log density and its derivatives by path, loading and phi.
    """
    groups, months = path.shape
    root = np.sqrt(1.0 - phi * phi)
    precision = loading**-2.0
    common = 1.0 / precision.sum()
    by_path, by_phi, total = np.zeros(path.shape), 0.0, 0.0
    by_precision = np.zeros(groups)
    w, by_w = np.empty(groups), np.empty(groups)
    for t in range(months):
        for r in range(groups):
            w[r] = path[r, t] if t == 0 else (path[r, t] - phi * path[r, t - 1]) / root
        shift = common * (w * precision).sum()
        for r in range(groups):
            # The quadratic form is that of what is left when the best shift is taken.
            left = w[r] - shift
            total -= 0.5 * precision[r] * left * left
            by_w[r] = -precision[r] * left
            by_precision[r] -= 0.5 * (common + left * left)
        for r in range(groups):
            if t == 0:
                by_path[r, t] += by_w[r]
            else:
                by_path[r, t] += by_w[r] / root
                by_path[r, t - 1] -= by_w[r] * phi / root
                by_phi += by_w[r] * (w[r] * phi / root**2 - path[r, t - 1] / root)
    total += months * (0.5 * np.log(common) - np.log(loading).sum())
    by_loading = -2.0 * by_precision * loading**-3.0 - months / loading
    steps = (groups - 1) * (months - 1)
    total -= steps * np.log(root)
    by_phi += steps * phi / root**2
    return total, by_path, by_loading, by_phi


@njit(cache=True, nogil=True)
def level_log_density(
    rest: FloatArray, variance: FloatArray, phi: FloatArray
) -> tuple[float, Any, Any, Any]:
    """Log density of a sum of independent AR(1) paths.

    Parameters
    ----------
    rest : float array (T,)
        The sum.
    variance, phi : float array (K,)
        Variance and autoregression of each path.

    Returns
    -------
    tuple
        The log density and its derivatives by rest, variance and phi.
    """
    months, parts = len(rest), len(variance)
    powers = np.empty((parts, months))
    for k in range(parts):
        powers[k, 0] = 1.0
        for lag in range(1, months):
            powers[k, lag] = powers[k, lag - 1] * phi[k]
    covariance = np.empty((months, months))
    for i in range(months):
        for j in range(months):
            covariance[i, j] = (variance * powers[:, abs(i - j)]).sum()
    inverse = np.linalg.inv(covariance)
    pull = inverse @ rest
    log_root = np.log(np.diag(np.linalg.cholesky(covariance))).sum()
    total = -0.5 * (rest * pull).sum() - log_root
    by_lag = np.zeros(months)
    for i in range(months):
        for j in range(months):
            by_lag[abs(i - j)] += 0.5 * (pull[i] * pull[j] - inverse[i, j])
    by_variance, by_phi = np.zeros(parts), np.zeros(parts)
    for k in range(parts):
        by_variance[k] = (by_lag * powers[k]).sum()
        for lag in range(1, months):
            by_phi[k] += by_lag[lag] * variance[k] * lag * powers[k, lag - 1]
    return total, -pull, by_variance, by_phi
