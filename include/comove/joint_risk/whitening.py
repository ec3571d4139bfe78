"""Paths written so that their posterior is nearly white noise.

A path ``u`` of T months has the prior precision ``Q(phi) / s^2``, Q the precision of a
stationary AR(1) of unit variance, and its data act nearly as Gaussian observations of
information ``i`` (T,) and weighted values ``h``. Their product has the tridiagonal
precision ``P = Q / s^2 + diag(i) = C C'`` and the mean ``P^-1 h``, so

    u = C'^-1 (C^-1 h + e),   e white noise,   log |du/de| = -sum(log diag C).

Sampling ``e`` instead of ``u`` is the centred parametrisation where the data say much,
the non-centred one where they say nothing, and right in between; as C follows s and phi,
the sampler meets no funnel. `i` and `h` only have to be about right: what they miss is
left to the sampler, nothing is approximated (Papaspiliopoulos, Roberts and Skold, 2007).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@njit(cache=True, nogil=True)
def _ar1_precision(phi: float, months: int) -> tuple[float, float, float]:
    """Give ends, middle and neighbours of the precision of a unit-variance AR(1)."""
    if months == 1:
        return 1.0, 1.0, 0.0
    innovation = 1.0 - phi * phi
    return 1.0 / innovation, (1.0 + phi * phi) / innovation, -phi / innovation


@njit(cache=True, nogil=True)
def _factor(
    information: FloatArray, scale: float, phi: float
) -> tuple[FloatArray, FloatArray]:
    """Cholesky factor of the path's precision: its diagonal and what is below it."""
    months = len(information)
    end, middle, beside = _ar1_precision(phi, months)
    kappa = 1.0 / (scale * scale)
    diagonal, below = np.empty(months), np.zeros(months)
    for t in range(months):
        q = end if t in (0, months - 1) else middle
        pivot = kappa * q + information[t]
        if t > 0:
            below[t - 1] = kappa * beside / diagonal[t - 1]
            pivot -= below[t - 1] * below[t - 1]
        diagonal[t] = np.sqrt(pivot)
    return diagonal, below


@njit(cache=True, nogil=True)
def _solve_lower(a: FloatArray, b: FloatArray, right: FloatArray) -> FloatArray:
    found = np.empty_like(right)
    for t in range(len(right)):
        before = b[t - 1] * found[t - 1] if t > 0 else 0.0
        found[t] = (right[t] - before) / a[t]
    return found


@njit(cache=True, nogil=True)
def _solve_upper(a: FloatArray, b: FloatArray, right: FloatArray) -> FloatArray:
    found = np.empty_like(right)
    last = len(right) - 1
    for t in range(last, -1, -1):
        after = b[t] * found[t + 1] if t < last else 0.0
        found[t] = (right[t] - after) / a[t]
    return found


@njit(cache=True, nogil=True)
def colour(
    noise: FloatArray,
    scale: FloatArray,
    phi: float,
    information: FloatArray,
    weighted: FloatArray,
) -> tuple[FloatArray, float]:
    """Turn white noise into paths.

    Parameters
    ----------
    noise : float array (J, T)
        White noise e of J paths.
    scale : float array (J,)
        Prior standard deviation s of each path.
    phi : float
        Autocorrelation of the prior, common to the paths.
    information, weighted : float array (J, T)
        Information i of the data, and h, their values times it.

    Returns
    -------
    tuple of float array (J, T) and float
        The paths u, and the log of the Jacobian's determinant.
    """
    paths, log_jacobian = np.empty(noise.shape), 0.0
    for j in range(noise.shape[0]):
        a, b = _factor(information[j], scale[j], phi)
        paths[j] = _solve_upper(a, b, _solve_lower(a, b, weighted[j]) + noise[j])
        log_jacobian -= np.log(a).sum()
    return paths, log_jacobian


@njit(cache=True, nogil=True)
def colour_gradient(
    noise: FloatArray,
    scale: FloatArray,
    phi: float,
    information: FloatArray,
    weighted: FloatArray,
    by_paths: FloatArray,
    by_log_jacobian: float,
) -> tuple[FloatArray, FloatArray, float, FloatArray]:
    """Pull the gradient of `colour` back to its inputs but information (reverse mode).

    Parameters
    ----------
    noise, scale, phi, information, weighted
        As for `colour`.
    by_paths : float array (J, T)
        Derivative of the target by the paths.
    by_log_jacobian : float
        Derivative of the target by the log determinant.

    Returns
    -------
    tuple of float array (J, T), float array (J,), float and float array (J, T)
        Derivatives by noise, scale, phi and weighted.
    """
    by_noise, by_scale, by_phi = np.empty(noise.shape), np.empty(len(scale)), 0.0
    by_weighted = np.empty(noise.shape)
    for j in range(noise.shape[0]):
        a, b = _factor(information[j], scale[j], phi)
        g = _solve_lower(a, b, weighted[j])
        u = _solve_upper(a, b, g + noise[j])
        x = _solve_lower(a, b, by_paths[j])
        w = _solve_upper(a, b, x)
        by_noise[j], by_weighted[j] = x, w
        by_a = -x * u - w * g - by_log_jacobian / a
        by_b = -x[:-1] * u[1:] - w[1:] * g[:-1]
        by_kappa, phi_part = _factor_gradient(a, b, by_a, by_b, scale[j], phi)
        by_scale[j] = -2.0 * by_kappa / scale[j] ** 3
        by_phi += phi_part
    return by_noise, by_scale, by_phi, by_weighted


@njit(cache=True, nogil=True)
def _factor_gradient(
    a: FloatArray,
    b: FloatArray,
    by_a: FloatArray,
    by_b: FloatArray,
    scale: float,
    phi: float,
) -> tuple[float, float]:
    """Turn derivatives by the Cholesky factor into those by 1/s^2 and phi."""
    months = len(a)
    end, middle, beside = _ar1_precision(phi, months)
    kappa, square = 1.0 / (scale * scale), (1.0 - phi * phi) ** 2
    by_end, by_middle, by_beside = 0.0, 0.0, 0.0
    carried = 0.0
    for t in range(months - 1, -1, -1):
        by_pivot = (by_a[t] + carried) / (2.0 * a[t])
        if t in (0, months - 1):
            by_end += by_pivot
        else:
            by_middle += by_pivot
        if t > 0:
            below = by_b[t - 1] - 2.0 * by_pivot * b[t - 1]
            by_beside += below / a[t - 1]
            carried = -below * b[t - 1] / a[t - 1]
    by_kappa = by_end * end + by_middle * middle + by_beside * beside
    if months == 1:
        return by_kappa, 0.0
    by_phi = (by_end * 2.0 * phi + by_middle * 4.0 * phi) / square
    by_phi -= by_beside * (1.0 + phi * phi) / square
    return by_kappa, kappa * by_phi
