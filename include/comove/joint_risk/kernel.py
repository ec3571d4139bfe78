"""The likelihood of event counts and its gradient, fused in one compiled pass.

Given the factors, the events of a cell are binomial (Vasicek, 2002): with the cell's
margin ``pd``, threshold ``z`` (its normal quantile), effect ``eta`` and idiosyncratic
standard deviation ``sigma``,

    events ~ Binomial(n, Phi((c z + eta) / sigma)).

Nearly all the cost is in ``log Phi``: a table of cubic polynomials gives it and its exact
derivative, so that the gradient belongs to the very function that is evaluated. It is
read for all cells in one loop without a branch: a processor does eight cells at a time.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import log_ndtr

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_STEPS_PER_UNIT = 64
_TABLE_FROM, _TABLE_TO = -40.0, 9.0
_HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))
# Sums in any order, products and sums in one: no more is allowed, so that what is not a
# number stays so.
_FAST = {"reassoc", "contract"}


def _make_table() -> FloatArray:
    """Coefficients (intervals, 4) of the cubic Hermite interpolant of ``log Phi``."""
    count = round((_TABLE_TO - _TABLE_FROM) * _STEPS_PER_UNIT)
    at = _TABLE_FROM + np.arange(count + 1) / _STEPS_PER_UNIT
    value = log_ndtr(at)
    slope = np.exp(-0.5 * at**2 - _HALF_LOG_TWO_PI - value) / _STEPS_PER_UNIT
    rise = np.diff(value)
    left, right = slope[:-1], slope[1:]
    cubes = [value[:-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise]
    return np.ascontiguousarray(np.stack(cubes, axis=1))


LOG_PHI: FloatArray = _make_table()
# One array per power: what is gathered for eight cells then lies in one array.
_POWERS = tuple(np.ascontiguousarray(power) for power in LOG_PHI.T)
_C0, _C1, _C2, _C3 = _POWERS
_LAST_PLACE = float(np.nextafter(len(LOG_PHI), 0))


@njit(cache=True, inline="always")
def _log_phi(x: float) -> tuple[float, float]:
    """``log Phi(x)`` within 1e-9, and the derivative of what is returned."""
    if x >= _TABLE_TO:
        return 0.0, 0.0
    if x < _TABLE_FROM:
        return -0.5 * x * x - np.log(-x) - _HALF_LOG_TWO_PI, -x - 1.0 / x
    place = (x - _TABLE_FROM) * _STEPS_PER_UNIT
    i = int(place)
    u = place - i
    a, b, c, d = LOG_PHI[i, 0], LOG_PHI[i, 1], LOG_PHI[i, 2], LOG_PHI[i, 3]
    return (
        a + u * (b + u * (c + u * d)),
        (b + u * (2.0 * c + 3.0 * d * u)) * _STEPS_PER_UNIT,
    )


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _binomial(n: FloatArray, k: FloatArray, x: FloatArray, by_x: FloatArray) -> float:
    """Sum ``events log Phi(x) + others log Phi(-x)``; writes its derivatives by x."""
    total, outside = 0.0, 0.0
    for i in range(len(x)):
        events = k[i]
        others = n[i] - events
        above = (x[i] - _TABLE_FROM) * _STEPS_PER_UNIT
        below = (-x[i] - _TABLE_FROM) * _STEPS_PER_UNIT
        up_place = above if above > 0.0 else 0.0
        down_place = below if below > 0.0 else 0.0
        outside += (up_place - above) + (down_place - below)
        # Above the table, log Phi is 0 within 1e-18, as it is at the table's end.
        up_place = up_place if up_place < _LAST_PLACE else _LAST_PLACE
        down_place = down_place if down_place < _LAST_PLACE else _LAST_PLACE
        j, m = np.int64(up_place), np.int64(down_place)
        u, v = up_place - j, down_place - m
        total += events * (_C0[j] + u * (_C1[j] + u * (_C2[j] + u * _C3[j])))
        total += others * (_C0[m] + v * (_C1[m] + v * (_C2[m] + v * _C3[m])))
        up = _C1[j] + u * (2.0 * _C2[j] + 3.0 * _C3[j] * u)
        down = _C1[m] + v * (2.0 * _C2[m] + 3.0 * _C3[m] * v)
        by_x[i] = (events * up - others * down) * _STEPS_PER_UNIT
    # What is not a number is outside, too.
    if outside != 0.0:
        return _binomial_outside(n, k, x, by_x)
    return total


@njit(cache=True, nogil=True)
def _binomial_outside(
    n: FloatArray, k: FloatArray, x: FloatArray, by_x: FloatArray
) -> float:
    """Do as `_binomial` where some x lies below the table, or its negative does."""
    total = 0.0
    for i in range(len(x)):
        if np.isnan(x[i]):
            return np.nan
        events = k[i]
        others = n[i] - events
        within, up = _log_phi(x[i])
        without, down = _log_phi(-x[i])
        total += events * within + others * without
        by_x[i] = events * up - others * down
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def count_log_likelihood(
    groups: IntArray,
    counts: FloatArray,
    z: FloatArray,
    level: FloatArray,
    region_effect: FloatArray,
    industry_effect: FloatArray,
    sigma: FloatArray,
    scale: FloatArray,
) -> tuple[float, Any, Any, Any, Any, Any, Any]:
    """Log-likelihood of all cells, and its gradient.

    Parameters
    ----------
    groups : int array (G, 5)
        Of each region, industry and month with borrowers: their positions, its first
        cell, and the one after its last.
    counts : float array (2, C)
        Borrowers and events of each cell.
    z : float array (C,)
        Threshold of a cell: the normal (or t) quantile of its margin.
    level : float array (T,)
        Effect common to all cells of a month.
    region_effect, industry_effect : float array (R, T), (S, T)
        What regions and industries add to it.
    sigma : float array (R, S)
        Idiosyncratic standard deviation.
    scale : float array (T,)
        Multiplier c of the thresholds: ones for the Gaussian copula.

    Returns
    -------
    tuple
        The log-likelihood without the binomial coefficients, and its derivatives by z,
        level, region_effect, industry_effect, sigma and scale.
    """
    x, by_x = np.empty_like(z), np.empty_like(z)
    inverse = 1.0 / sigma
    for g in range(len(groups)):
        r, s, t = (
            np.uint64(groups[g, 0]),
            np.uint64(groups[g, 1]),
            np.uint64(groups[g, 2]),
        )
        eta = (level[t] + region_effect[r, t] + industry_effect[s, t]) * inverse[r, s]
        c = scale[t] * inverse[r, s]
        for i in range(np.uint64(groups[g, 3]), np.uint64(groups[g, 4])):
            x[i] = c * z[i] + eta
    total = _binomial(counts[0], counts[1], x, by_x)
    by_level = np.zeros_like(level)
    by_region = np.zeros(region_effect.shape)
    by_industry = np.zeros(industry_effect.shape)
    by_sigma = np.zeros(sigma.shape)
    by_scale = np.zeros_like(scale)
    by_z = np.empty_like(z)
    for g in range(len(groups)):
        r, s, t = (
            np.uint64(groups[g, 0]),
            np.uint64(groups[g, 1]),
            np.uint64(groups[g, 2]),
        )
        c = scale[t] * inverse[r, s]
        slope, slope_x, slope_z = 0.0, 0.0, 0.0
        for i in range(np.uint64(groups[g, 3]), np.uint64(groups[g, 4])):
            slope += by_x[i]
            slope_x += by_x[i] * x[i]
            slope_z += by_x[i] * z[i]
            by_z[i] = by_x[i] * c
        by_level[t] += slope * inverse[r, s]
        by_region[r, t] += slope * inverse[r, s]
        by_industry[s, t] += slope * inverse[r, s]
        by_sigma[r, s] -= slope_x * inverse[r, s]
        by_scale[t] += slope_z * inverse[r, s]
    return total, by_z, by_level, by_region, by_industry, by_sigma, by_scale


@njit(cache=True, nogil=True)
def expected_information(
    groups: IntArray,
    counts: FloatArray,
    z: FloatArray,
    level: FloatArray,
    region_effect: FloatArray,
    industry_effect: FloatArray,
    sigma: FloatArray,
) -> FloatArray:
    """Fisher information of each group's effect ``eta``.

    For parameters see `count_log_likelihood`.

    Returns
    -------
    float array (G,)
        Sum over the group's cells of ``n phi(x)^2 / (Phi(x) Phi(-x)) / sigma^2``, the
        expected negative second derivative of the log-likelihood.
    """
    information = np.zeros(len(groups))
    for g in range(len(groups)):
        r, s, t = groups[g, 0], groups[g, 1], groups[g, 2]
        eta = level[t] + region_effect[r, t] + industry_effect[s, t]
        inverse = 1.0 / sigma[r, s]
        for i in range(groups[g, 3], groups[g, 4]):
            x = (z[i] + eta) * inverse
            # phi^2 / (Phi(x) Phi(-x)) is the product of the two derivatives of log Phi.
            both = _log_phi(x)[1] * _log_phi(-x)[1]
            information[g] += counts[0, i] * both * inverse**2
    return information
