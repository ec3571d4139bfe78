"""How an observed KS scatters about the true one, and the intervals that follow.

An observed KS is the largest of many distances, so it lies above the true one, the more
so the fewer applications and the smaller the true KS: without correction a cell of 40 bad
and 400 good with no separation at all shows 0.14. An interval that takes this for
separation never holds what it promises, and neither does a bootstrap, whose draws add the
same excess once more (the maximum is not a smooth function; Bickel and Freedman, Some
asymptotic theory for the bootstrap, 1981). So intervals here invert the law of the
statistic itself: the interval holds every true KS under which the observed one is neither
among the 2.5 % lowest nor among the 2.5 % highest (Neyman, 1937).

The law is tabulated once, by simulation of normal scores with equal variances and
separation d, for which KS = 2 Φ(d / 2) - 1. It hangs on the true KS and on the harmonic
size m = n_good n_bad / (n_good + n_bad), hardly on the shares or on the shape: about the
maximum every smooth pair of distributions looks alike (Raghavachari, Limiting
distributions of Kolmogorov-Smirnov type statistics under the alternative, 1973).
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

FloatArray = NDArray[np.float64]

FILE = Path(__file__).with_name("ks_law.csv")
ENDS = ("low", "middle", "high")
# True KS times the root of the size: where the law bends lies at equal values of it.
_SCALED = (
    *(0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0),
    *(7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 14.0, 16.0, 18.0, 20.0, 25.0, 30.0, 45.0, 90.0),
    *(180.0, 360.0),
)
# Below it nothing is lower than a KS of 0 may show, so the upper tail takes more.
_TWO_SIDED_FROM = 1.25
_ERROR = 0.05
_LARGEST_KS = 0.99
_EXACT_SIZES = (4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256)
_LARGE_SIZES = (512, 2048, 8192, 32768, 131072)
# One of five is bad in the simulation: for the rest see above.
_GOOD_PER_BAD = 4
_BINS = 1000
# What a maximum over few places misses of one over all, in standard deviations of a step
# between them (Siegmund, Sequential Analysis, 1985: 0.5826).
_GRID = 0.5826


def invert(
    ks: FloatArray, n_good: FloatArray, n_bad: FloatArray, tied_share: FloatArray
) -> dict[str, FloatArray]:
    """Find the true KS an observed one speaks for.

    Parameters
    ----------
    ks : array
        Observed, 0 to 1.
    n_good, n_bad : array
        Applications of each outcome, at least 1.
    tied_share : array
        Chance that two applications drawn with replacement have the same score. A score
        of few values lets its KS be taken at few places, and so lies less above.

    Returns
    -------
    dict of str to array
        ``low`` and ``high``, ends of the 95 % interval, and ``middle``, the median
        unbiased estimate; 0 to 1.
    """
    size = n_good * n_bad / (n_good + n_bad)
    raised = ks + np.minimum(
        _GRID * np.sqrt(tied_share / size), _middle_excess(ks, size)
    ).clip(0)
    return {
        end: np.array([np.interp(*row) for row in _rows(raised, size, end)]).clip(0, 1)
        for end in ENDS
    }


def _middle_excess(ks: FloatArray, size: FloatArray) -> FloatArray:
    """Tell how much the middle of the law lies above a true KS."""
    rows = _rows(ks, size, "middle")
    return np.array([np.interp(at, true, seen) - at for at, seen, true in rows])


def _rows(
    ks: FloatArray, size: FloatArray, end: str
) -> Iterator[tuple[float, FloatArray, FloatArray]]:
    """Give each cell's KS with the law at its size: observed by true KS."""
    sizes, scaled, table = _law()
    quantiles = table[end]
    place = np.interp(np.log(size), np.log(sizes), np.arange(len(sizes)))
    for one, m, at in zip(ks, size, place, strict=True):
        below = int(at)
        above = min(below + 1, len(sizes) - 1)
        # In units of 1 / sqrt(size), in which the law hardly moves from size to size.
        excess = quantiles[below] + (at - below) * (quantiles[above] - quantiles[below])
        true = np.minimum(scaled / np.sqrt(m), _LARGEST_KS)
        yield one, np.maximum.accumulate(true + excess / np.sqrt(m)), true


@cache
def _law() -> tuple[FloatArray, FloatArray, dict[str, FloatArray]]:
    """Sizes, scaled true KS, and by quantile the excess in 1 / sqrt(size)."""
    rows = pd.read_csv(FILE)
    sizes = np.sort(rows["size"].unique()).astype(np.float64)
    scaled = np.sort(rows["scaled_ks"].unique()).astype(np.float64)
    tables = {
        name: rows.pivot(index="size", columns="scaled_ks", values=name).to_numpy()
        for name in ENDS
    }
    return sizes, scaled, tables


def tabulate(
    draws: int = 8_000,
    seed: int = 20_260_101,
    sizes: Sequence[int] = (*_EXACT_SIZES, *_LARGE_SIZES),
) -> pd.DataFrame:
    """Simulate the law anew, as ``ks_law.csv`` holds it.

    Parameters
    ----------
    draws : int
        Simulated cells for each size and true KS.
    seed : int
        Of the simulation; the same draws serve every true KS of a size.
    sizes : sequence of int
        Harmonic sizes; large ones by the limit of their distribution functions.

    Returns
    -------
    DataFrame
        size, scaled_ks (true KS times sqrt(size)), and the excess of each quantile of
        the observed KS over the true one, times sqrt(size).
    """
    rows = []
    for size in sizes:
        observe = _observe_exact if size <= _EXACT_SIZES[-1] else _observe_large
        for scaled in _SCALED:
            true = min(scaled / np.sqrt(size), _LARGEST_KS)
            observed = observe(size, true, draws, np.random.default_rng(seed))
            excess = (observed - true) * np.sqrt(size)
            found = np.quantile(excess, _levels(scaled))
            row = {"size": size, "scaled_ks": scaled}
            rows.append(row | dict(zip(ENDS, found, strict=True)))
    return pd.DataFrame(rows).round(4)


def _levels(scaled: float) -> tuple[float, float, float]:
    """Quantiles of the observed KS that end the interval at its low and high end."""
    lower = _ERROR / 2 * min(scaled / _TWO_SIDED_FROM, 1.0)
    return 1 - _ERROR + lower, 0.5, lower


def _observe_exact(
    size: int, true: float, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Draw scores and take their KS."""
    bad = round(size * (1 + 1 / _GOOD_PER_BAD))
    good = _GOOD_PER_BAD * bad
    score = rng.standard_normal((draws, good + bad))
    score[:, :good] += 2 * ndtri((1 + true) / 2)
    order = np.argsort(score, axis=1)
    steps = np.where(order < good, 1 / good, -1 / bad)
    return np.asarray(np.abs(np.cumsum(steps, axis=1)).max(axis=1))


def _observe_large(
    size: int, true: float, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Draw the bridges that the distribution functions of many scores tend to."""
    distance = 2 * ndtri((1 + true) / 2)
    bad, good = _bins(distance)
    n_bad = size * (1 + 1 / _GOOD_PER_BAD)
    gap = np.cumsum(bad - good)
    path = gap + _bridges(bad, n_bad, draws, rng)
    path -= _bridges(good, n_bad * _GOOD_PER_BAD, draws, rng)
    step = np.sqrt(bad / n_bad + good / (n_bad * _GOOD_PER_BAD))
    return np.asarray((np.abs(path) + _GRID * step)[:, :-1].max(axis=1))


def _bins(distance: float) -> tuple[FloatArray, FloatArray]:
    """Chances of bad and of good in bins of equal chance under half of each."""
    grid = np.linspace(-7, distance + 7, 40_001)
    both = (ndtr(grid) + ndtr(grid - distance)) / 2
    edges = np.interp(np.arange(1, _BINS) / _BINS, both, grid)
    inner = np.concatenate([[-np.inf], edges, [np.inf]])
    return np.diff(ndtr(inner)), np.diff(ndtr(inner - distance))


def _bridges(
    chance: FloatArray, n: float, draws: int, rng: np.random.Generator
) -> FloatArray:
    walk = np.cumsum(np.sqrt(chance) * rng.standard_normal((draws, _BINS)), axis=1)
    return np.asarray((walk - np.cumsum(chance) * walk[:, -1:]) / np.sqrt(n))


if __name__ == "__main__":
    tabulate().to_csv(FILE, index=False)
