r"""Borrowers gathered into groups, so that losses are simulated by counts.

A group holds the borrowers of one cell whose margins lie in one band, 0.25 wide in
:math:`\Phi^{-1}(p^*)`. All of a group get one margin, the mean weighted with exposure, so
that the expected loss is not touched; and given how many of a group fall, which of them
is left to chance. What a group keeps of its exposures:

- up to 64 borrowers: each exposure, drawn without replacement;
- more: 64 classes of equal size, smallest to largest, each with mean and standard
  deviation, from which the losses of up to 12 events are drawn one by one; those of more
  events add up, cell by cell, to a normal sum with the mean and the variance of drawing
  without replacement.

Lost is the dependence of exposure and pd within a band, and within the largest 64th of a
large group everything but two moments.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from comove.errors import ComoveError
from comove.joint_risk.index import Margin, place_column
from comove.joint_risk.index_table import LIMIT
from comove.joint_risk.outlook import Outlook
from comove.joint_risk.student_t import normal_quantile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CLASSES = 64
_BAND = 0.25


class LossError(ComoveError):
    """Borrowers whose losses cannot be simulated."""


@dataclass(frozen=True)
class Book:
    """Borrowers at risk, N rows.

    Parameters
    ----------
    region, industry : ndarray of int, shape (N,)
        Positions in the outlook's groups.
    margin : ndarray, shape (N,)
        pd*.
    exposure : ndarray, shape (N,)
        In currency, not negative.
    """

    region: IntArray
    industry: IntArray
    margin: FloatArray
    exposure: FloatArray

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        fine = (self.margin >= 0) & (self.margin <= 1)
        fine &= (self.exposure >= 0) & np.isfinite(self.exposure)
        if bad := int((~fine).sum()):
            raise LossError(
                f"{bad:,} borrowers have a margin outside of 0 to 1, or no exposure.",
                where="borrowers at risk",
                remedy="Run the DAG `risk_model` for that month again.",
            )

    @classmethod
    def read(cls, file: Path, outlook: Outlook, margin: Margin) -> Self:
        """Read the borrowers at risk.

        Parameters
        ----------
        file : Path
            Parquet, with region, industry, pd and exposure.
        outlook : Outlook
            Whose groups they belong to.
        margin : callable
            Turns pd into pd*.

        Returns
        -------
        Book
            In the order of the file.
        """
        names = ["region", "industry"]
        table = pq.read_table(file, columns=[*names, "pd", "exposure"])
        region, industry = (table.column(name).combine_chunks() for name in names)
        pd, exposure = (
            np.array(table.column(name).to_numpy(), np.float64)
            for name in ("pd", "exposure")
        )
        return cls(
            place_column(outlook, region, "regions"),
            place_column(outlook, industry, "industries"),
            margin(pd),
            exposure,
        )


@dataclass(frozen=True)
class LossGroups:
    """Borrowers in K groups, those of a cell beside each other.

    Parameters
    ----------
    region, industry : ndarray of int, shape (K,)
        Positions in the outlook's groups.
    z : ndarray, shape (K,)
        Normal quantile of the group's margin, from -8 to 8.
    n : ndarray of int, shape (K,)
        Borrowers.
    mean, deviation : ndarray, shape (K,)
        Mean and standard deviation of their exposures.
    class_mean, class_deviation : ndarray, shape (K, 64)
        Of each class of exposures; of up to 64 borrowers, the exposures themselves.
    """

    region: IntArray
    industry: IntArray
    z: FloatArray
    n: IntArray
    mean: FloatArray
    deviation: FloatArray
    class_mean: FloatArray
    class_deviation: FloatArray

    @classmethod
    def gather(cls, book: Book) -> Self:
        """Gather borrowers into groups.

        Parameters
        ----------
        book : Book
            Borrowers; none give no groups.

        Returns
        -------
        LossGroups
            Sorted by region, industry and margin.
        """
        z = np.clip(normal_quantile(book.margin), -LIMIT, LIMIT)
        band = np.floor(z / _BAND).astype(np.int64)
        order = np.lexsort((book.exposure, band, book.industry, book.region))
        keys = np.stack([book.region, book.industry, band])[:, order]
        is_first = np.ones(len(order), bool)
        is_first[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
        first = np.flatnonzero(is_first)
        exposure, margin = book.exposure[order], book.margin[order]
        n = np.diff(np.append(first, len(order)))
        of_row = np.repeat(np.arange(len(first)), n)
        mean, deviation = _moments(of_row, exposure, len(first))
        # Ranked by exposure within the group, so that classes are of like exposures.
        rank = np.arange(len(order)) - first[of_row]
        classes = np.minimum(n, CLASSES)[of_row]
        of_class = of_row * CLASSES + rank * classes // n[of_row]
        class_mean, class_deviation = (
            part.reshape(-1, CLASSES)
            for part in _moments(of_class, exposure, len(first) * CLASSES)
        )
        return cls(
            keys[0, first],
            keys[1, first],
            _mean_margin(of_row, exposure, margin, len(first)),
            n,
            mean,
            deviation,
            class_mean,
            class_deviation,
        )


def _moments(
    of: IntArray, values: FloatArray, size: int
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation by group; 0 where a group is empty."""
    rows = np.maximum(np.bincount(of, minlength=size), 1)
    mean = np.bincount(of, values, size) / rows
    around = (values - mean[of]) ** 2
    return mean, np.sqrt(np.bincount(of, around, size) / rows)


def _mean_margin(
    of: IntArray, exposure: FloatArray, margin: FloatArray, size: int
) -> FloatArray:
    """Weight margins with exposure, where there is any; give their normal quantile."""
    total = np.bincount(of, exposure, size)
    weight = np.where(total[of] > 0, exposure, 1.0)
    mean = np.bincount(of, weight * margin, size) / np.bincount(of, weight, size)
    # Sums round: a group of certain events may come to more than 1.
    z: FloatArray = np.clip(normal_quantile(np.minimum(mean, 1.0)), -LIMIT, LIMIT)
    return z
