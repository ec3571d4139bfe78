r"""The law of a month ahead, given a posterior draw.

A stationary AR(1) factor :math:`h` months after the last one observed is
:math:`f_{T+h} \mid f_T \sim N(\phi^h f_T, 1 - \phi^{2h})`. So, given a draw, the latent
variable of a borrower in cell :math:`(r, s)` is normal with

.. math::

    \mu_{rs} = \mu_0 + \mu_r + \mu_s, \quad \mu_g = o_g + \lambda_g \phi_g^h f_{gT},
    \qquad \tau_{rs}^2 = \sigma_{rs}^2 + v_0 + v_r + v_s, \quad
    v_g = \lambda_g^2 (1 - \phi_g^{2h}),

and two borrowers share the shocks of the groups they share: their covariance is
:math:`v_0`, plus :math:`v_r` within a region, plus :math:`v_s` within an industry.
The probability of an event is :math:`\Phi((c\,q(p^*) + \mu_{rs}) / \tau_{rs})`, in the
Student-t copula averaged over :math:`c` (module `student_t`).

The end of each axis stands for groups the posterior has never seen: their effect has
the prior mean 0, their loading is the mean loading of the groups seen (of each draw), and
of their factor nothing but the stationary law is known, so :math:`v = \lambda^2`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from comove.joint_risk.draws import Draws
from comove.joint_risk.student_t import scale_nodes, thresholds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

OTHER = "other"
ALL = "all"


@dataclass(frozen=True)
class Outlook:
    """What each draw says about one month ahead; D draws, R regions, S industries.

    Parameters
    ----------
    regions, industries : tuple of str
        Groups of the draws; the arrays have one more at the end, for groups never seen.
    mean_national : ndarray, shape (D,)
        Effect common to all.
    mean_region : ndarray, shape (D, R + 1)
        Effects of regions, offsets included.
    mean_industry : ndarray, shape (D, S + 1)
        Likewise.
    shock_national : ndarray, shape (D,)
        Variance of the common shock of the months to come.
    shock_region : ndarray, shape (D, R + 1)
        Likewise.
    shock_industry : ndarray, shape (D, S + 1)
        Likewise.
    sigma_squared : ndarray, shape (D, R + 1, S + 1)
        Idiosyncratic variance.
    nu : ndarray, shape (D,), or None
        Degrees of freedom; None for the Gaussian copula.
    """

    regions: tuple[str, ...]
    industries: tuple[str, ...]
    mean_national: FloatArray
    mean_region: FloatArray
    mean_industry: FloatArray
    shock_national: FloatArray
    shock_region: FloatArray
    shock_industry: FloatArray
    sigma_squared: FloatArray
    nu: FloatArray | None

    @property
    def count(self) -> int:
        """Number of draws."""
        return len(self.mean_national)

    @property
    def mean(self) -> FloatArray:
        """Effect of each cell, shape (D, R + 1, S + 1)."""
        effect: FloatArray = (
            self.mean_national[:, None, None]
            + self.mean_region[:, :, None]
            + self.mean_industry[:, None, :]
        )
        return effect

    @property
    def variance(self) -> FloatArray:
        """Variance of the latent variable of each cell, shape (D, R + 1, S + 1)."""
        total: FloatArray = (
            self.sigma_squared
            + self.shock_national[:, None, None]
            + self.shock_region[:, :, None]
            + self.shock_industry[:, None, :]
        )
        return total

    def place(self, names: NDArray[np.str_], of: str) -> IntArray:
        """Find positions of groups.

        A name the posterior has not seen is taken as its group "other", into which small
        groups are merged, else as never seen. Where there is one effect only (the
        single group "all"), everything belongs to it.

        Parameters
        ----------
        names : ndarray of str
            Names of regions or industries.
        of : str
            ``regions`` or ``industries``.

        Returns
        -------
        ndarray of int
            Positions on the axis of that group.
        """
        known: tuple[str, ...] = getattr(self, of)
        if known == (ALL,):
            return np.zeros(len(names), np.int64)
        at = {name: position for position, name in enumerate(known)}
        fallback = at.get(OTHER, len(known))
        different, which = np.unique(np.asarray(names, str), return_inverse=True)
        return np.array([at.get(n, fallback) for n in different.tolist()], np.int64)[
            which
        ]


def look_ahead(draws: Draws, months: int = 1) -> Outlook:
    """Work out the law of a month ahead for every draw.

    Parameters
    ----------
    draws : Draws
        Posterior draws up to their last month.
    months : int
        How far ahead, at least 1.

    Returns
    -------
    Outlook
        Of as many draws, in the same order.
    """
    of_all = _group(
        draws.loading_national[:, None],
        draws.phi_national,
        np.zeros((draws.count, 1)),
        draws.national[:, None, -1],
        months,
    )
    of_region = _group(
        draws.loading_region,
        draws.phi_region,
        draws.offset_region,
        draws.region[:, :, -1],
        months,
    )
    of_industry = _group(
        draws.loading_industry,
        draws.phi_industry,
        draws.offset_industry,
        draws.industry[:, :, -1],
        months,
    )
    squares = [_with_mean(loading) ** 2 for loading in _sector_loadings(draws)]
    left = 1.0 - draws.loading_national[:, None, None] ** 2
    return Outlook(
        draws.regions,
        draws.industries,
        of_all[0][:, 0],
        of_region[0],
        of_industry[0],
        of_all[1][:, 0],
        of_region[1],
        of_industry[1],
        left - squares[0][:, :, None] - squares[1][:, None, :],
        draws.nu,
    )


def _sector_loadings(draws: Draws) -> tuple[FloatArray, FloatArray]:
    return draws.loading_region, draws.loading_industry


def _with_mean(loading: FloatArray) -> FloatArray:
    return np.concatenate([loading, loading.mean(axis=1, keepdims=True)], axis=1)


def _group(
    loading: FloatArray,
    phi: FloatArray,
    offset: FloatArray,
    last: FloatArray,
    months: int,
) -> tuple[FloatArray, FloatArray]:
    """Effects and variances of shocks of one kind of group, with one never seen."""
    kept = phi[:, None] ** months
    mean = offset + loading * kept * last
    shock = loading**2 * (1.0 - kept**2)
    unseen = loading.mean(axis=1, keepdims=True) ** 2
    return (
        np.concatenate([mean, np.zeros_like(unseen)], axis=1),
        np.concatenate([shock, unseen], axis=1),
    )


def event_probability(
    outlook: Outlook, region: IntArray, industry: IntArray, z: FloatArray
) -> FloatArray:
    """Compute the probability of an event, draw by draw, row by row.

    Exact but for the nodes of the Student-t scale; meant for few rows (cells, tests, one
    borrower). Many borrowers go through `index.IndexTable`.

    Parameters
    ----------
    outlook : Outlook
        The month ahead.
    region, industry : ndarray of int, shape (N,)
        Positions of the rows' groups.
    z : ndarray, shape (N,)
        Normal quantiles of the margins.

    Returns
    -------
    ndarray, shape (D, N)
        Probabilities.
    """
    mean = (
        outlook.mean_national[:, None]
        + outlook.mean_region[:, region]
        + outlook.mean_industry[:, industry]
    )
    spread = np.sqrt(
        outlook.sigma_squared[:, region, industry]
        + outlook.shock_national[:, None]
        + outlook.shock_region[:, region]
        + outlook.shock_industry[:, industry]
    )
    threshold = thresholds(z, outlook.nu, outlook.count)
    scale, weight = scale_nodes(outlook.nu, outlook.count)
    found = np.zeros_like(mean)
    for k in range(scale.shape[1]):
        found += weight[:, k, None] * ndtr(
            (scale[:, k, None] * threshold + mean) / spread
        )
    return np.minimum(found, 1.0)
