r"""What the Student-t copula adds: its quantiles, and the average over its common scale.

In the Student-t copula all latent variables of a month are divided by the same
:math:`c = \sqrt{\chi^2_\nu/\nu}`, so that an event is :math:`\varepsilon`-Gaussian given
:math:`c`, and every probability is the average of a Gaussian one over :math:`c`
(Demarta and McNeil, 2005).

A rare event happens where :math:`c` is small: for the threshold :math:`q` near
:math:`1/|q|`. Gauss quadrature for the weight of :math:`\chi_\nu` puts its nodes near 1
and misses that (with 16 nodes, :math:`\nu = 3` and :math:`p = 10^{-4}` by a quarter). In
:math:`u = \ln c` the integrand has the same width whatever :math:`q` is, so the trapezoid
rule in :math:`u`, which converges exponentially for such integrands (Trefethen and
Weideman, 2014), serves all thresholds with one set of nodes.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtrit

FloatArray = NDArray[np.float64]

NODES = 32
# The density of ln c is cut where it is so many e-folds below its peak. On the left it
# is the rare events that need more.
_FOLDS_LEFT, _FOLDS_RIGHT = 24.0, 16.0
_NEWTON_STEPS = 60


def scale_nodes(
    nu: FloatArray | None, draws: int, count: int = NODES
) -> tuple[FloatArray, FloatArray]:
    r"""Nodes and weights that average over the common scale.

    Parameters
    ----------
    nu : ndarray, shape (D,), or None
        Degrees of freedom; None for the Gaussian copula, whose scale is 1.
    draws : int
        D.
    count : int
        Nodes wanted, K. With 32, the probability of an event is right to 1e-4 of itself
        for :math:`\nu \ge 2.5` and margins from 1e-5.

    Returns
    -------
    scale, weight : ndarray, shape (D, K)
        Of each draw the weights add up to 1; one node for the Gaussian copula.
    """
    if nu is None:
        return np.ones((draws, 1)), np.ones((draws, 1))
    freedom = nu[:, None]
    low = _cut(freedom, _FOLDS_LEFT, -1.0)
    high = _cut(freedom, _FOLDS_RIGHT, 1.0)
    u = low + (high - low) * (np.arange(count) + 0.5) / count
    weight = np.exp(_log_density(freedom, u))
    return np.exp(u), weight / weight.sum(axis=1, keepdims=True)


def _log_density(nu: FloatArray, u: FloatArray) -> FloatArray:
    """Log density of ln c, 0 at its peak."""
    density: FloatArray = nu * (u - 0.5 * np.expm1(2 * u))
    return density


def _cut(nu: FloatArray, folds: float, side: float) -> FloatArray:
    """Find where the log density is `folds` below its peak, by Newton's method."""
    # Left of the peak the density is concave: starting outside, steps never overshoot.
    u = side * np.sqrt(folds / nu) - (side < 0) * folds / nu
    for _ in range(_NEWTON_STEPS):
        u = u - (_log_density(nu, u) + folds) / (-nu * np.expm1(2 * u))
    return u


def thresholds(z: ArrayLike, nu: FloatArray | None, draws: int) -> FloatArray:
    r"""Thresholds :math:`q(p)` of every draw for given normal quantiles.

    Parameters
    ----------
    z : array_like, shape (...)
        :math:`\Phi^{-1}(p)`; infinite values allowed.
    nu : ndarray, shape (D,), or None
        Degrees of freedom; None for the Gaussian copula.
    draws : int
        D.

    Returns
    -------
    ndarray, shape (D, ...)
        :math:`t_\nu^{-1}(p)`, or `z` itself.
    """
    z = np.asarray(z, np.float64)
    if nu is None:
        return np.broadcast_to(z, (draws, *z.shape))
    # In the lower tail probabilities keep their digits.
    lower = stdtrit(nu.reshape(-1, *[1] * z.ndim), ndtr(-np.abs(z)))
    found: FloatArray = np.where(z > 0, -lower, lower)
    # scipy gives plus infinity for a probability of 0.
    found = np.where(np.isinf(z), z, found)
    return found


def normal_quantile(p: ArrayLike) -> FloatArray:
    """Give normal quantiles: minus infinity for 0, infinity for 1, nan for nan.

    Parameters
    ----------
    p : array_like
        Probabilities.

    Returns
    -------
    ndarray
        Of the shape of `p`.
    """
    z: FloatArray = ndtri(np.asarray(p, np.float64))
    return z
