"""The Student-t copula: one scale for everybody in a month, and thresholds to match.

X is multiplied by ``sqrt(nu / chi2_nu)``, the same for all borrowers of a month, so
months differ in how far into the tail everybody is (Demarta and McNeil, 2005). With
``c = sqrt(chi2_nu / nu)``, an event is ``l'f + sigma e > c t_nu^-1(1 - pd)``: given c, a
Gaussian model whose thresholds are multiplied by c.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from comove.settings import Settings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Tensor = Any

# The table of t quantiles: rows by log nu, columns by the normal quantile.
_LOG_NU_FROM, _LOG_NU_TO, _LOG_NU_STEPS = np.log(2.02), np.log(2000.0), 160
_Z_FROM, _Z_TO, _Z_STEPS = -7.5, 7.5, 300


@dataclass(frozen=True)
class Common:
    """What all borrowers of a month share beside the factors.

    Parameters
    ----------
    nu : Tensor
        Degrees of freedom, above 2.
    scale : Tensor, shape (T,)
        Multiplier c of the thresholds.
    """

    nu: Tensor
    scale: Tensor


def common_scale(months: int, priors: Settings) -> Common:
    """Add degrees of freedom and months' scales to the PyMC model in context.

    The log of a scale has a standard deviation of about ``1 / sqrt(2 nu)``, by which the
    sampled noise is divided, so that it is near white whatever nu is.

    Parameters
    ----------
    months : int
        T.
    priors : Settings
        Settings.
    """
    log_excess = pm.Normal(
        "log_nu_excess", np.log(priors.joint_prior_nu), priors.joint_prior_log_nu_spread
    )
    nu = pm.Deterministic("nu", 2 + pt.exp(log_excess))
    noise = pm.Flat("scale_noise", shape=months)
    log_scale = noise / pt.sqrt(2 * nu)
    half = nu / 2
    # Density of log c, where c squared is a gamma of shape and rate nu / 2.
    density = (
        half * pt.log(half)
        - pt.gammaln(half)
        + nu * log_scale
        - half * pt.exp(2 * log_scale)
    )
    pm.Potential("scale_prior", pt.sum(density) - 0.5 * months * pt.log(2 * nu))
    return Common(nu, pm.Deterministic("scale", pt.exp(log_scale), dims="month"))


def cell_thresholds(z: FloatArray, nu: Tensor) -> Tensor:
    """Student-t quantiles of cells.

    Parameters
    ----------
    z : ndarray, shape (C,)
        Normal quantiles of the cells' margins.
    nu : Tensor
        Degrees of freedom.

    Returns
    -------
    Tensor, shape (C,)
        t quantiles of the same margins, interpolated by cubics within 1e-4.
    """
    place, weight = _cubic_places(z)
    nodes = _quantiles(nu)
    chosen = nodes[pm.Data("threshold_place", place)]
    return pt.sum(chosen * pm.Data("threshold_weight", weight), axis=1)


def quantile_at(z: Tensor, nu: Tensor) -> Tensor:
    """Student-t quantile of one margin, given its normal quantile, interpolated."""
    position = (z - _Z_FROM) / (_Z_TO - _Z_FROM) * (_Z_STEPS - 1)
    first = pt.cast(pt.floor(position), "int64")
    weights = pt.stack(_cubic_weights(position - first))
    return pt.sum(weights * _quantiles(nu)[first - 1 + pt.arange(4)])


def _quantiles(nu: Tensor) -> Tensor:
    """Quantiles at the table's columns, for any nu."""
    steps = (_LOG_NU_TO - _LOG_NU_FROM) / (_LOG_NU_STEPS - 1)
    position = pt.clip(
        (pt.log(nu) - _LOG_NU_FROM) / steps, 1.0, _LOG_NU_STEPS - 2.0 - 1e-9
    )
    first = pt.cast(pt.floor(position), "int64")
    weights = pt.stack(_cubic_weights(position - first))
    rows = pt.as_tensor(_TABLE)[first - 1 + pt.arange(4)]
    return pt.sum(weights[:, None] * rows, axis=0)


def _cubic_places(z: FloatArray) -> tuple[IntArray, FloatArray]:
    position = (z - _Z_FROM) / (_Z_TO - _Z_FROM) * (_Z_STEPS - 1)
    first = np.clip(np.floor(position), 1, _Z_STEPS - 3).astype(np.int64)
    place = first[:, None] + np.arange(-1, 3)
    return place, np.stack(_cubic_weights(position - first), axis=1)


def _cubic_weights(u: Any) -> list[Any]:
    """Weights of four neighbours, the second at u = 0 (Catmull and Rom, 1974)."""
    return [
        0.5 * u * ((2 - u) * u - 1),
        0.5 * (u * u * (3 * u - 5) + 2),
        0.5 * u * ((4 - 3 * u) * u + 1),
        0.5 * u * u * (u - 1),
    ]


def _make_table() -> FloatArray:
    nu = np.exp(np.linspace(_LOG_NU_FROM, _LOG_NU_TO, _LOG_NU_STEPS))
    margins = ndtr(np.linspace(_Z_FROM, _Z_TO, _Z_STEPS))
    return np.asarray(stdtrit(nu[:, None], margins[None, :]))


_TABLE = _make_table()
