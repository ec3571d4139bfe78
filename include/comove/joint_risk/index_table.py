r"""Probabilities of every cell on a grid of margins, from which borrowers are looked up.

Within a cell, the probability of an event depends on the margin :math:`p^*` alone. So
it is worked out over all draws on a grid of :math:`z = \Phi^{-1}(p^*)` per cell, and the
cost does not depend on the number of borrowers. Between grid points,

- the mean over draws is interpolated by a cubic through four points of
  :math:`\Phi^{-1}(\bar P(z))`, which is nearly a straight line in :math:`z`;
- quantiles over draws are interpolated linearly as deviations
  :math:`\ln P_d(z) - \ln \bar P(z)`, which hardly change with :math:`z`.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

from comove.joint_risk.bivariate import normal_cdf
from comove.joint_risk.outlook import Outlook
from comove.joint_risk.student_t import scale_nodes, thresholds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SmallArray = NDArray[np.float32]

STEP = 0.125
# The change depends on two margins, so its table is as large as the square.
_CHANGE_STEP = 0.25
# A margin nearer to 0 or 1 than 6e-16 is taken as if it were that far.
LIMIT = 8.0
LOW, HIGH = 0.05, 0.95
_LEAST = 1e-300
# Below -9, a probability is under 2e-19.
_NEVER, _ENOUGH = -9.0, 1e-12


@dataclass(frozen=True)
class LookedUp:
    """What is known of N borrowers.

    Parameters
    ----------
    probability : ndarray, shape (N,)
        P(event), mean over draws.
    q05, q95 : ndarray, shape (N,)
        Quantiles over draws.
    above : ndarray, shape (N,)
        Share of draws whose probability is above the borrower's pd.
    """

    probability: FloatArray
    q05: FloatArray
    q95: FloatArray
    above: FloatArray


@dataclass(frozen=True)
class IndexTable:
    """Mean and draws of P(event) of C cells at J margins, from D draws.

    Make one with `build`.

    Parameters
    ----------
    low : float
        First grid point; the others follow in steps of `STEP`.
    probit : ndarray, shape (C, J)
        Normal quantile of the mean probability.
    deviation : ndarray of float32, shape (C, J, D)
        Log of each draw's probability over the mean, sorted.
    """

    low: float
    probit: FloatArray
    deviation: SmallArray

    @classmethod
    def build(cls, outlook: Outlook, low: float, high: float) -> Self:
        """Work the grid out.

        Parameters
        ----------
        outlook : Outlook
            The month ahead.
        low, high : float
            Range of normal quantiles that borrowers will ask for.

        Returns
        -------
        IndexTable
            For the cells of `outlook`, those of groups never seen included.
        """
        z = grid(low, high, STEP)
        logs = log_probabilities(outlook, z)
        mean = _log_mean(logs)
        logs -= mean[:, :, None]
        logs.sort(axis=2)
        return cls(float(z[0]), ndtri(np.exp(mean)), logs)

    def look_up(self, cell: IntArray, z: FloatArray, pd: FloatArray) -> LookedUp:
        """Look borrowers up.

        A margin of 0 or 1 gives that probability: no factor moves what is certain.

        Parameters
        ----------
        cell : ndarray of int, shape (N,)
            As `cell_positions` gives them.
        z : ndarray, shape (N,)
            Normal quantiles of the margins; beyond the grid its ends are taken, infinite
            ones allowed, nan gives nan.
        pd : ndarray, shape (N,)
            What the conventional model says.

        Returns
        -------
        LookedUp
            In the order of the rows.
        """
        found = np.full((4, len(z)), np.nan)
        ranks = _rank(self.deviation.shape[2], LOW), _rank(self.deviation.shape[2], HIGH)
        _look_up(cell, z, pd, self.low, self.probit, self.deviation, *ranks, found)
        return LookedUp(*found)


@dataclass(frozen=True)
class ChangeTable:
    """Spread over draws of the ratio of two predictions, a month apart.

    The two posteriors share no draws. Their draws are paired by seeded permutations,
    first of this month's and then of the previous one's, as if the two posteriors were
    independent. They rest on nearly the same data and are not: where the two go up and
    down together, the interval of the change is wider than it need be.

    Parameters
    ----------
    low, low_previous : float
        First points of the two grids, steps of 0.25.
    q05, q95 : ndarray, shape (C, J, K)
        Quantiles over pairs of draws of the log of the ratio, less the log of the ratio
        of means, by margins of this prediction and of the previous one.
    """

    low: float
    low_previous: float
    q05: FloatArray
    q95: FloatArray

    @classmethod
    def build(
        cls,
        outlook: Outlook,
        previous: Outlook,
        ranges: tuple[tuple[float, float], tuple[float, float]],
        seed: int,
    ) -> Self:
        """Work the spread out for the cells of `outlook`.

        Parameters
        ----------
        outlook : Outlook
            This month's.
        previous : Outlook
            The one a month before.
        ranges : pair of (low, high)
            Normal quantiles asked for, of this month and of the previous one.
        seed : int
            Of the permutation.

        Returns
        -------
        ChangeTable
            For the cells of `outlook`, matched by the names of their groups.
        """
        z, z_previous = (grid(*limits, _CHANGE_STEP) for limits in ranges)
        rng = np.random.default_rng(seed)
        pairs = min(outlook.count, previous.count)
        now = _deviations(outlook, z)[:, :, rng.permutation(outlook.count)[:pairs]]
        before = _deviations(previous, z_previous)
        before = before[same_cells(outlook, previous)]
        before = before[:, :, rng.permutation(previous.count)[:pairs]]
        ranks = _rank(pairs, LOW), _rank(pairs, HIGH)
        q05, q95 = np.empty((2, len(now), len(z), len(z_previous)))
        for cell in range(len(now)):
            ratio = now[cell, :, None, :] - before[cell, None, :, :]
            ratio.sort(axis=2)
            q05[cell], q95[cell] = (_at_rank(ratio, rank) for rank in ranks)
        return cls(float(z[0]), float(z_previous[0]), q05, q95)

    def look_up(
        self, cell: IntArray, z: FloatArray, z_previous: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Give the factors that turn the change into its 5 % and 95 % quantiles.

        Parameters
        ----------
        cell : ndarray of int, shape (N,)
            Cells of this month's outlook.
        z, z_previous : ndarray, shape (N,)
            Normal quantiles of the two margins; nan gives nan.

        Returns
        -------
        q05, q95 : ndarray, shape (N,)
            Factors.
        """
        found = np.full((2, len(z)), np.nan)
        lows = self.low, self.low_previous
        _look_up_change(cell, z, z_previous, *lows, self.q05, self.q95, found)
        return found[0], found[1]


def cell_positions(outlook: Outlook, region: IntArray, industry: IntArray) -> IntArray:
    """Give cells numbers: industries within regions, one more each for unseen groups."""
    positions: IntArray = region * (len(outlook.industries) + 1) + industry
    return positions


def grid(low: float, high: float, step: float) -> FloatArray:
    """Spread points over a range, with one more at either end and at least four.

    Parameters
    ----------
    low, high : float
        Range; cut to 8 on either side.
    step : float
        Distance.

    Returns
    -------
    ndarray
        Multiples of `step`.
    """
    first = math.floor(max(low, -LIMIT) / step) - 1
    last = math.ceil(min(high, LIMIT) / step) + 1
    points: FloatArray = np.arange(first, max(last, first + 3) + 1.0) * step
    return points


def log_probabilities(outlook: Outlook, z: FloatArray) -> SmallArray:
    """Compute the log of P(event) for every cell, margin and draw.

    Parameters
    ----------
    outlook : Outlook
        The month ahead.
    z : ndarray, shape (J,)
        Normal quantiles of the margins.

    Returns
    -------
    ndarray of float32, shape (C, J, D)
        Natural logarithms.
    """
    mean, spread = outlook.mean, np.sqrt(outlook.variance)
    mean, spread = (a.reshape(outlook.count, -1) for a in (mean, spread))
    logs = np.empty((mean.shape[1], len(z), outlook.count), np.float32)
    threshold = np.ascontiguousarray(thresholds(z, outlook.nu, outlook.count))
    scale, weight = scale_nodes(outlook.nu, outlook.count)
    _fill_logs(mean, spread, threshold, scale, weight, logs)
    return logs


@njit(cache=True, nogil=True)
def _fill_logs(
    mean: FloatArray,
    spread: FloatArray,
    threshold: FloatArray,
    scale: FloatArray,
    weight: FloatArray,
    logs: SmallArray,
) -> None:
    cells, margins, draws = logs.shape
    for cell in range(cells):
        for j in range(margins):
            for d in range(draws):
                effect, width = mean[d, cell], 1.0 / spread[d, cell]
                total = 0.0
                for k in range(scale.shape[1]):
                    x = (scale[d, k] * threshold[d, j] + effect) * width
                    # Scales go up, and x down with them: what follows adds nothing.
                    if x < _NEVER and total > _ENOUGH:
                        break
                    total += weight[d, k] * normal_cdf(x)
                logs[cell, j, d] = math.log(min(max(total, _LEAST), 1.0))


def _log_mean(logs: SmallArray) -> FloatArray:
    """Log of the mean over draws, shape (C, J)."""
    return np.log(np.exp(logs, dtype=np.float64).mean(axis=2))


def _deviations(outlook: Outlook, z: FloatArray) -> SmallArray:
    logs = log_probabilities(outlook, z)
    return np.asarray(logs - _log_mean(logs)[:, :, None], np.float32)


def same_cells(outlook: Outlook, other: Outlook) -> IntArray:
    """Find cells in the outlook of another posterior, by the names of their groups.

    Parameters
    ----------
    outlook, other : Outlook
        Of two posteriors.

    Returns
    -------
    ndarray of int, shape (C,)
        Position in `other` of each cell of `outlook`.
    """
    region, industry = (
        np.append(
            other.place(np.array(getattr(outlook, of)), of), len(getattr(other, of))
        )
        for of in ("regions", "industries")
    )
    return cell_positions(other, region[:, None], industry[None, :]).ravel()


def _rank(count: int, level: float) -> float:
    """Where a quantile stands among sorted values, as numpy's default does."""
    return level * (count - 1)


def _at_rank(ordered: NDArray[np.floating], rank: float) -> FloatArray:
    below = min(int(rank), ordered.shape[-1] - 1)
    above = min(below + 1, ordered.shape[-1] - 1)
    share = rank - below
    value: FloatArray = ordered[..., below] * (1 - share) + ordered[..., above] * share
    return value


@njit(cache=True, nogil=True, inline="always")
def _place(z: float, low: float, step: float, intervals: int) -> tuple[int, float]:
    """Interval of a grid and the place within it, from 0 to 1."""
    place = min(max((z - low) / step, 0.0), float(intervals))
    i = min(int(place), intervals - 1)
    return i, place - i


@njit(cache=True, nogil=True)
def _cubic(values: FloatArray, z: float, low: float) -> float:
    """Interpolate by the cubic through the four nearest points (Lagrange)."""
    place = min(max((z - low) / STEP, 0.0), len(values) - 1.0)
    i = min(max(int(place) - 1, 0), len(values) - 4)
    u = place - i - 1.0
    value: float = (
        -values[i] * u * (u - 1.0) * (u - 2.0) / 6.0
        + values[i + 1] * (u + 1.0) * (u - 1.0) * (u - 2.0) / 2.0
        - values[i + 2] * (u + 1.0) * u * (u - 2.0) / 2.0
        + values[i + 3] * (u + 1.0) * u * (u - 1.0) / 6.0
    )
    return value


@njit(cache=True, nogil=True, inline="always")
def _quantile(ordered: SmallArray, rank: float) -> float:
    below = min(int(rank), len(ordered) - 1)
    above = min(below + 1, len(ordered) - 1)
    share = rank - below
    value: float = ordered[below] * (1.0 - share) + ordered[above] * share
    return value


@njit(cache=True, nogil=True, inline="always")
def _share_above(ordered: SmallArray, bound: float) -> float:
    share: float = 1.0 - np.searchsorted(ordered, bound, side="right") / len(ordered)
    return share


@njit(cache=True, nogil=True)
def _look_up(
    cell: IntArray,
    z: FloatArray,
    pd: FloatArray,
    low: float,
    probit: FloatArray,
    deviation: SmallArray,
    rank_05: float,
    rank_95: float,
    found: FloatArray,
) -> None:
    for n in range(len(z)):
        if math.isnan(z[n]) or math.isnan(pd[n]):
            continue
        if math.isinf(z[n]):
            certain = 1.0 if z[n] > 0 else 0.0
            found[:3, n] = certain
            found[3, n] = 1.0 if certain > pd[n] else 0.0
            continue
        here = probit[cell[n]]
        p = normal_cdf(_cubic(here, z[n], low))
        i, u = _place(z[n], low, STEP, len(here) - 1)
        left, right = deviation[cell[n], i], deviation[cell[n], i + 1]
        below = (1.0 - u) * _quantile(left, rank_05) + u * _quantile(right, rank_05)
        above = (1.0 - u) * _quantile(left, rank_95) + u * _quantile(right, rank_95)
        bound = math.log(max(pd[n], _LEAST)) - math.log(max(p, _LEAST))
        found[0, n] = p
        found[1, n] = p * math.exp(below)
        found[2, n] = min(p * math.exp(above), 1.0)
        found[3, n] = (1.0 - u) * _share_above(left, bound) + u * _share_above(
            right, bound
        )


@njit(cache=True, nogil=True)
def _look_up_change(
    cell: IntArray,
    z: FloatArray,
    z_previous: FloatArray,
    low: float,
    low_previous: float,
    q05: FloatArray,
    q95: FloatArray,
    found: FloatArray,
) -> None:
    for n in range(len(z)):
        if math.isnan(z[n]) or math.isnan(z_previous[n]):
            continue
        if math.isinf(z[n]) and math.isinf(z_previous[n]):
            found[:, n] = 1.0
            continue
        i, u = _place(z[n], low, _CHANGE_STEP, q05.shape[1] - 1)
        j, v = _place(z_previous[n], low_previous, _CHANGE_STEP, q05.shape[2] - 1)
        for of in range(2):
            here = (q05 if of == 0 else q95)[cell[n]]
            left = (1.0 - v) * here[i, j] + v * here[i, j + 1]
            right = (1.0 - v) * here[i + 1, j] + v * here[i + 1, j + 1]
            found[of, n] = math.exp((1.0 - u) * left + u * right)
