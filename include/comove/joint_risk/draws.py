"""Draws from the posterior of the factor copula, as arrays.

Everything after the fit (index, links, loss, validation, pictures) reads these, and
nothing of the sampler's.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from comove.errors import ComoveError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_WHERE = "posterior draws"
# Of each array: after the draws, one axis per letter (Regions, induStries, monTh).
_AXES = {
    "loading_national": "",
    "loading_region": "R",
    "loading_industry": "S",
    "phi_national": "",
    "phi_region": "",
    "phi_industry": "",
    "offset_region": "R",
    "offset_industry": "S",
    "national": "T",
    "region": "RT",
    "industry": "ST",
    "nu": "",
}


class DrawsError(ComoveError):
    """Posterior draws that cannot be of this model."""


@dataclass(frozen=True)
class Draws:
    r"""Posterior draws of the factor copula, all chains flattened.

    For a borrower of region :math:`r` and industry :math:`s` in month :math:`t`, with
    margin :math:`p^*`, and given a draw,

    .. math::

        P(\text{event}) = \Phi\Bigl(\frac{c_t\,q(p^*) + o_r + o_s + \lambda_0 f_{0t}
            + \lambda_r f_{rt} + \lambda_s f_{st}}{\sigma_{rs}}\Bigr), \qquad
        \sigma_{rs}^2 = 1 - \lambda_0^2 - \lambda_r^2 - \lambda_s^2,

    where :math:`q = \Phi^{-1}` and :math:`c_t = 1` in the Gaussian copula, and
    :math:`q = t_\nu^{-1}`, :math:`c_t = \sqrt{\chi^2_\nu/\nu}` in the Student-t one.

    D draws, R regions, S industries, T months. The one-factor model has loadings of
    regions and industries of 0.

    Parameters
    ----------
    regions, industries : tuple of str
        Names, sorted; ``("all",)`` where there is one effect only.
    months : tuple of date
        First days, consecutive; the last one is the last month with outcomes.
    loading_national : ndarray, shape (D,)
        At least 0; squares of the three loadings of a cell add up to less than 1.
    loading_region : ndarray, shape (D, R)
        At least 0.
    loading_industry : ndarray, shape (D, S)
        At least 0.
    phi_national, phi_region, phi_industry : ndarray, shape (D,)
        Autoregression of the factors, between -1 and 1.
    offset_region : ndarray, shape (D, R)
        Static; added to loadings times factors.
    offset_industry : ndarray, shape (D, S)
        Likewise.
    national : ndarray, shape (D, T)
        Path of the factor; stationary with unit variance.
    region : ndarray, shape (D, R, T)
        Likewise.
    industry : ndarray, shape (D, S, T)
        Likewise.
    nu : ndarray, shape (D,), or None
        Degrees of freedom of the Student-t copula; None for the Gaussian one.

    Raises
    ------
    DrawsError
        If a shape, a value or a name cannot be.
    """

    regions: tuple[str, ...]
    industries: tuple[str, ...]
    months: tuple[dt.date, ...]
    loading_national: FloatArray
    loading_region: FloatArray
    loading_industry: FloatArray
    phi_national: FloatArray
    phi_region: FloatArray
    phi_industry: FloatArray
    offset_region: FloatArray
    offset_industry: FloatArray
    national: FloatArray
    region: FloatArray
    industry: FloatArray
    nu: FloatArray | None = None

    def __post_init__(self) -> None:
        """Take every array as doubles and refuse what cannot be."""
        for name, array in self._arrays():
            object.__setattr__(self, name, np.ascontiguousarray(array, np.float64))
        self._check_names()
        self._check_shapes()
        self._check_values()

    @property
    def count(self) -> int:
        """Number of draws."""
        return len(self.loading_national)

    @property
    def sigma_squared(self) -> FloatArray:
        """Idiosyncratic variance of each cell, shape (D, R, S)."""
        of_region = self.loading_region[:, :, None] ** 2
        of_industry = self.loading_industry[:, None, :] ** 2
        of_all = self.loading_national[:, None, None] ** 2
        left: FloatArray = 1.0 - of_all - of_region - of_industry
        return left

    def take(self, positions: IntArray) -> Self:
        """Keep the draws at these positions, in this order.

        Parameters
        ----------
        positions : ndarray of int, shape (K,)
            Positions of draws, from 0; repetitions allowed.

        Returns
        -------
        Draws
            K draws.
        """
        kept: dict[str, Any] = {n: array[positions] for n, array in self._arrays()}
        return replace(self, **kept)

    def thinned(self, count: int) -> Self:
        """Keep so many draws, evenly spaced; all of them where there are no more.

        Parameters
        ----------
        count : int
            Draws wanted, at least 1.

        Returns
        -------
        Draws
            At most `count` draws.
        """
        if count >= self.count:
            return self
        return self.take(np.arange(count) * self.count // count)

    def _arrays(self) -> Iterator[tuple[str, FloatArray]]:
        for field in fields(self):
            if field.name in _AXES and getattr(self, field.name) is not None:
                yield field.name, getattr(self, field.name)

    def _check_names(self) -> None:
        for what in ("regions", "industries", "months"):
            names = getattr(self, what)
            if not names or len(set(names)) != len(names):
                raise DrawsError(
                    f"{what} are missing or repeated: {names}.",
                    where=_WHERE,
                    remedy="Fit the model again, or read another posterior.",
                )

    def _check_shapes(self) -> None:
        size = {"R": len(self.regions), "S": len(self.industries), "T": len(self.months)}
        draws = len(np.atleast_1d(self.loading_national))
        for name, array in self._arrays():
            expected = (draws, *(size[axis] for axis in _AXES[name]))
            if array.shape != expected or not draws:
                raise DrawsError(
                    f"{name} has shape {array.shape} instead of {expected}.",
                    where=_WHERE,
                    remedy="Fit the model again, or read another posterior.",
                )

    def _check_values(self) -> None:
        for name, array in self._arrays():
            if not np.isfinite(array).all():
                raise _impossible(f"{name} has values that are not finite.")
            if name.startswith("phi") and (np.abs(array) >= 1).any():
                raise _impossible(f"{name} leaves the open interval from -1 to 1.")
            if name.startswith("loading") and (array < 0).any():
                raise _impossible(f"{name} has negative loadings.")
        if (self.sigma_squared <= 0).any():
            raise _impossible("the squares of a cell's loadings add up to 1 or more.")
        if self.nu is not None and (self.nu <= 0).any():
            raise _impossible("nu has values that are not positive.")


def _impossible(found: str) -> DrawsError:
    return DrawsError(
        found, where=_WHERE, remedy="Fit the model again; look at its divergences."
    )
