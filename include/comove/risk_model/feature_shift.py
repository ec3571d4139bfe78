"""How the features of newer rows differ from those trained on: spread and missing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comove.quality.shift import stability_index

SHIFT_BANDS = 10
SHIFT_ROWS = 50_000


@dataclass(frozen=True)
class FeatureFigures:
    """Figures of each feature, by its name.

    Parameters
    ----------
    psi : dict of str to float
        Population stability index over the deciles of the earlier rows, missing values
        apart; NaN where too few rows tell.
    known_psi : dict of str to float
        The same of the rows with a value: what only became known is no shift of it.
    missing_trained, missing_now : dict of str to float
        Share of missing values in the earlier and in the newer rows.
    """

    psi: dict[str, float]
    known_psi: dict[str, float]
    missing_trained: dict[str, float]
    missing_now: dict[str, float]


def feature_figures(
    before: NDArray[np.float32], now: NDArray[np.float32], names: Sequence[str]
) -> FeatureFigures:
    """Compare the features of two sets of rows.

    Parameters
    ----------
    before, now : ndarray of float32, shape (n, k)
        Earlier and newer rows; NaN is missing.
    names : sequence of str
        Of the k columns.

    Returns
    -------
    FeatureFigures
        PSI from `SHIFT_ROWS` evenly spaced rows where there are more.
    """
    return FeatureFigures(
        psi={n: _shift(before[:, j], now[:, j]) for j, n in enumerate(names)},
        known_psi={
            n: _shift(_known(before[:, j]), _known(now[:, j]))
            for j, n in enumerate(names)
        },
        missing_trained=missing_shares(before, names),
        missing_now=missing_shares(now, names),
    )


def newest_third_figures(x: NDArray[np.float32], names: Sequence[str]) -> FeatureFigures:
    """Compare the newest third of the rows trained on with the others.

    Parameters
    ----------
    x : ndarray of float32, shape (n, k)
        Rows, oldest first; NaN is missing.
    names : sequence of str
        Of the k columns.

    Returns
    -------
    FeatureFigures
        As of `feature_figures`; they do not depend on the month of the run.
    """
    newest = len(x) * 2 // 3
    return feature_figures(x[:newest], x[newest:], names)


def missing_shares(x: NDArray[np.float32], names: Sequence[str]) -> dict[str, float]:
    """Share of missing values in each column; names of the columns of x (n, k)."""
    return {name: float(np.isnan(x[:, j]).mean()) for j, name in enumerate(names)}


def _shift(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    before, now = _thinned(before), _thinned(now)
    known = _known(before)
    if not len(known):
        return float("nan")
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, SHIFT_BANDS + 1)[1:-1]))
    return stability_index(_counts(now, cuts), _counts(before, cuts))


def _known(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x[~np.isnan(x)]


def _thinned(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x[:: max(1, len(x) // SHIFT_ROWS)]


def _counts(x: NDArray[np.float32], cuts: NDArray[np.float32]) -> NDArray[np.int64]:
    # NaN sorts last: missing values get a band of their own.
    bands = np.where(np.isnan(x), len(cuts) + 1, np.searchsorted(cuts, x))
    return np.bincount(bands, minlength=len(cuts) + 2)
