r"""The bivariate normal distribution function, compiled.

Genz (2004), after Drezner and Wesolowsky (1990): Plackett's identity
:math:`\partial\Phi_2/\partial\rho = \varphi_2` is integrated in
:math:`\theta = \arcsin\rho` by 6, 12 or 20 point Gauss-Legendre quadrature; from
:math:`|\rho| \ge 0.925` an expansion around :math:`|\rho| = 1` comes first.
Absolute error below 1e-14.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_SQRT_HALF = math.sqrt(0.5)
_TWO_PI = 2.0 * math.pi
_SQRT_TWO_PI = math.sqrt(_TWO_PI)
_NEAR_ONE = 0.925
_NO_UNDERFLOW = -100.0
_NODES_6, _WEIGHTS_6 = np.polynomial.legendre.leggauss(6)
_NODES_12, _WEIGHTS_12 = np.polynomial.legendre.leggauss(12)
_NODES_20, _WEIGHTS_20 = np.polynomial.legendre.leggauss(20)


@njit(cache=True, nogil=True, inline="always")
def normal_cdf(x: float) -> float:
    """Probability that a standard normal variable is below x."""
    return 0.5 * math.erfc(-x * _SQRT_HALF)


@njit(cache=True, nogil=True)
def joint_cdf(x: float, y: float, rho: float) -> float:
    """Probability that two standard normal variables are below x and y.

    Parameters
    ----------
    x, y : float
        Bounds; infinite ones allowed.
    rho : float
        Correlation, from -1 to 1.

    Returns
    -------
    float
        nan where an argument is nan or rho is out of range.
    """
    if not abs(rho) <= 1.0 or math.isnan(x) or math.isnan(y):
        return np.nan
    if math.isinf(x) or math.isinf(y) or rho == 0.0:
        return normal_cdf(x) * normal_cdf(y)
    if abs(rho) < 0.3:
        joint = _by_angle(x, y, rho, _NODES_6, _WEIGHTS_6)
    elif abs(rho) < 0.75:
        joint = _by_angle(x, y, rho, _NODES_12, _WEIGHTS_12)
    elif abs(rho) < _NEAR_ONE:
        joint = _by_angle(x, y, rho, _NODES_20, _WEIGHTS_20)
    else:
        joint = _near_one(-x, -y, rho)
    return min(max(joint, 0.0), 1.0)


@njit(cache=True, nogil=True, inline="always")
def _by_angle(
    x: float, y: float, rho: float, nodes: FloatArray, weights: FloatArray
) -> float:
    half_angle = 0.5 * math.asin(rho)
    half_square, product = 0.5 * (x * x + y * y), x * y
    total = 0.0
    for i in range(len(nodes)):
        sine = math.sin(half_angle * (1.0 + nodes[i]))
        exponent = (sine * product - half_square) / (1.0 - sine * sine)
        total += weights[i] * math.exp(exponent)
    return total * half_angle / _TWO_PI + normal_cdf(x) * normal_cdf(y)


@njit(cache=True, nogil=True)
def _near_one(h: float, k: float, rho: float) -> float:
    """Probability of exceeding h and k; the names are Genz's."""
    if rho < 0:
        k = -k
    correction = _beside_one(h, k, rho) if abs(rho) < 1.0 else 0.0
    if rho > 0:
        return correction + normal_cdf(-max(h, k))
    if h >= k:
        return -correction
    between = normal_cdf(k) - normal_cdf(h) if h < 0 else normal_cdf(-h) - normal_cdf(-k)
    return between - correction


@njit(cache=True, nogil=True)
def _beside_one(h: float, k: float, rho: float) -> float:
    """Give what the distance of abs(rho) from 1 takes away, negative."""
    hk, bs = h * k, (h - k) ** 2
    as_ = (1.0 - rho) * (1.0 + rho)
    a, c, d = math.sqrt(as_), (4.0 - hk) / 8.0, (12.0 - hk) / 80.0
    exponent, total = -0.5 * (bs / as_ + hk), 0.0
    if exponent > _NO_UNDERFLOW:
        series = 1.0 - c * (bs - as_) * (1.0 - d * bs) / 3.0 + c * d * as_ * as_
        total = a * math.exp(exponent) * series
    if hk > _NO_UNDERFLOW:
        b = math.sqrt(bs)
        tail = _SQRT_TWO_PI * normal_cdf(-b / a) * b
        total -= math.exp(-0.5 * hk) * tail * (1.0 - c * bs * (1.0 - d * bs) / 3.0)
    rest = 0.0
    for i in range(len(_NODES_20)):
        xs = (0.5 * a * (1.0 + _NODES_20[i])) ** 2
        exponent = -0.5 * (bs / xs + hk)
        if exponent > _NO_UNDERFLOW:
            rs = math.sqrt(1.0 - xs)
            series = 1.0 + c * xs * (1.0 + 5.0 * d * xs)
            exact = math.exp(-0.5 * hk * xs / (1.0 + rs) ** 2) / rs
            rest += _WEIGHTS_20[i] * math.exp(exponent) * (series - exact)
    return (0.5 * a * rest - total) / _TWO_PI


@njit(cache=True, nogil=True)
def _joint_cdf_of_rows(
    x: FloatArray, y: FloatArray, rho: FloatArray, found: FloatArray
) -> None:
    for i in range(len(x)):
        found[i] = joint_cdf(x[i], y[i], rho[i])


def bivariate_normal_cdf(x: ArrayLike, y: ArrayLike, rho: ArrayLike) -> FloatArray:
    """Probability that two standard normal variables are below x and y.

    Parameters
    ----------
    x, y : array_like
        Bounds; infinite ones allowed.
    rho : array_like
        Correlations, from -1 to 1.

    Returns
    -------
    ndarray
        Of the common shape; nan where an argument is nan or rho is out of range.
    """
    x, y, rho = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (x, y, rho)))
    found = np.empty(x.size)
    _joint_cdf_of_rows(x.ravel(), y.ravel(), rho.ravel(), found)
    return found.reshape(x.shape)
