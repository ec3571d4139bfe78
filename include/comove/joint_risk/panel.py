"""Counts of borrowers and events, as arrays: all the sampler sees of a portfolio."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from comove.errors import ComoveError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class PanelError(ComoveError):
    """Counts that no model can be fitted to."""


@dataclass(frozen=True)
class Panel:
    """Borrowers and events per region, industry, month and band of the margin.

    C cells, R regions, S industries, T months. Cells without borrowers are left out.

    Parameters
    ----------
    regions, industries : tuple of str
        Names, sorted; ``("all",)`` where there is one effect only.
    months : tuple of date
        First days, consecutive.
    region, industry, month : ndarray of int64, shape (C,)
        Positions of each cell in the three above.
    pd : ndarray, shape (C,)
        Margin of the cell, strictly between 0 and 1.
    n, events : ndarray of int64, shape (C,)
        Borrowers at risk, and how many of them had an event.

    Raises
    ------
    PanelError
        When shapes differ, there is no cell, a margin is not a probability, or there
        are more events than borrowers.
    """

    regions: tuple[str, ...]
    industries: tuple[str, ...]
    months: tuple[dt.date, ...]
    region: IntArray
    industry: IntArray
    month: IntArray
    pd: FloatArray
    n: IntArray
    events: IntArray

    def __post_init__(self) -> None:
        """Refuse what is no count."""
        shapes = {getattr(self, name).shape for name in _ARRAYS}
        if shapes != {(len(self.n),)} or len(self.n) == 0:
            raise _refused(
                f"shapes {shapes}; one row a cell, and at least one, is needed"
            )
        if not ((self.pd > 0) & (self.pd < 1)).all():
            raise _refused("margins outside of (0, 1), or missing")
        if not ((self.events >= 0) & (self.events <= self.n) & (self.n > 0)).all():
            raise _refused("cells without borrowers, or with more events than borrowers")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of regions, industries and months."""
        return len(self.regions), len(self.industries), len(self.months)

    @cached_property
    def order(self) -> IntArray:
        """Positions (C,) of the cells by region, industry, month and margin."""
        return np.lexsort((self.pd, self.month, self.industry, self.region))

    @cached_property
    def groups(self) -> IntArray:
        """Regions, industries and months with borrowers, as the likelihood reads them.

        Returns
        -------
        ndarray of int64, shape (G, 5)
            Positions of region, industry and month, of the first ordered cell, and of
            the one after the last.
        """
        keys = np.stack([self.region, self.industry, self.month], axis=1)[self.order]
        first = np.r_[True, (np.diff(keys, axis=0) != 0).any(axis=1)]
        start = np.flatnonzero(first)
        stop = np.r_[start[1:], len(keys)]
        return np.column_stack([keys[first], start, stop]).astype(np.int64)

    @cached_property
    def counts(self) -> FloatArray:
        """Borrowers and events of the ordered cells, shape (2, C)."""
        return np.stack([self.n[self.order], self.events[self.order]]).astype(np.float64)

    def until(self, month: dt.date) -> Self:
        """Keep what was known at the end of a month.

        Parameters
        ----------
        month : date
            First day of the last month kept.

        Raises
        ------
        PanelError
            When nothing is left.
        """
        months = tuple(one for one in self.months if one <= month)
        kept = self.month < len(months)
        arrays = {name: getattr(self, name)[kept] for name in _ARRAYS}
        return type(self)(self.regions, self.industries, months, **arrays)


@dataclass(frozen=True)
class OrdinalPanel:
    """Borrowers per region, industry, month and ordered category of outcome.

    Parameters
    ----------
    regions, industries, months
        As for `Panel`.
    region, industry, month : ndarray of int64, shape (G,)
        Positions of each group.
    counts : ndarray of int64, shape (G, K)
        Borrowers in each category, the best first.

    Raises
    ------
    PanelError
        When shapes differ, or a category is empty everywhere.
    """

    regions: tuple[str, ...]
    industries: tuple[str, ...]
    months: tuple[dt.date, ...]
    region: IntArray
    industry: IntArray
    month: IntArray
    counts: IntArray

    def __post_init__(self) -> None:
        """Refuse what is no count."""
        if self.counts.ndim != 2 or len(self.counts) != len(self.region):
            raise _refused(f"shape {self.counts.shape}; a row a group is needed")
        if not (self.counts.sum(axis=0) > 0).all():
            raise _refused("a category of outcome that nobody is in")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of regions, industries and months."""
        return len(self.regions), len(self.industries), len(self.months)

    @cached_property
    def groups(self) -> IntArray:
        """Positions as the likelihood reads them, shape (G, 5)."""
        places = np.arange(len(self.region))
        columns = self.region, self.industry, self.month, places, places + 1
        return np.column_stack(columns).astype(np.int64)


_ARRAYS = ("region", "industry", "month", "pd", "n", "events")


def _refused(found: str) -> PanelError:
    return PanelError(
        f"the counts have {found}.",
        where="marts.fct_copula_cell",
        remedy="Run the DAG `joint_risk` again from its task `build_cells`.",
    )
