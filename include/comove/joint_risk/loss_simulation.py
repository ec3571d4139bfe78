r"""Simulated losses: factors, then counts per group, then exposures of those who fell.

Each simulation has a posterior draw (all draws take turns), goes the months ahead with
:math:`f_{t+1} = \phi f_t + \sqrt{1 - \phi^2}\,\eta`, and in each month lets
:math:`k \sim \text{Binomial}(n, \Phi((c\,q(p^*) + o + \lambda \cdot f)/\sigma))`
borrowers of each group fall, who are not at risk any more. Margins stay as they are. It
has random numbers of its own, seeded, so that it can be simulated again alone: the worst
ones are, to see which cells they come from.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from comove.joint_risk.bivariate import normal_cdf
from comove.joint_risk.draws import Draws
from comove.joint_risk.loss_groups import CLASSES, LossGroups
from comove.joint_risk.outlook import look_ahead
from comove.joint_risk.student_t import thresholds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# The compiled part leaves Python's lock alone; parts are of a fixed size, so that sums do
# not depend on the number of threads.
_THREADS, _PART = 2, 4096
# Below so many expected events their number is found by adding up probabilities.
_FEW = 10.0
# So many events of a group are given exposures one by one.
_ONE_BY_ONE = 12
_SHARE_WITH_REPLACEMENT = 8


@dataclass(frozen=True)
class _Law:
    """Arrays of the model, with one group more for those never seen."""

    loading_national: FloatArray  # (D,)
    loading_region: FloatArray  # (D, R + 1)
    loading_industry: FloatArray
    offset_region: FloatArray
    offset_industry: FloatArray
    phi: FloatArray  # (D, 3)
    last_national: FloatArray  # (D,)
    last_region: FloatArray  # (D, R)
    last_industry: FloatArray
    sigma: FloatArray  # (D, R + 1, S + 1)
    nu: FloatArray  # (D,), 0 in the Gaussian copula
    threshold: FloatArray  # (D or 1, K)

    @classmethod
    def of(cls, draws: Draws, z: FloatArray) -> Self:
        gaussian = draws.nu is None
        rows = 1 if gaussian else draws.count
        return cls(
            draws.loading_national,
            _with(draws.loading_region, draws.loading_region.mean(axis=1)),
            _with(draws.loading_industry, draws.loading_industry.mean(axis=1)),
            _with(draws.offset_region, np.zeros(draws.count)),
            _with(draws.offset_industry, np.zeros(draws.count)),
            np.stack([draws.phi_national, draws.phi_region, draws.phi_industry], axis=1),
            np.ascontiguousarray(draws.national[:, -1]),
            np.ascontiguousarray(draws.region[:, :, -1]),
            np.ascontiguousarray(draws.industry[:, :, -1]),
            np.sqrt(look_ahead(draws).sigma_squared),
            np.zeros(draws.count) if draws.nu is None else draws.nu,
            np.ascontiguousarray(thresholds(z, draws.nu, rows)),
        )

    def arrays(self) -> tuple[FloatArray, ...]:
        """Give the arrays in the order the compiled function takes them."""
        return tuple(vars(self).values())


def _with(of_groups: FloatArray, unseen: FloatArray) -> FloatArray:
    return np.concatenate([of_groups, unseen[:, None]], axis=1)


@dataclass(frozen=True)
class Simulated:
    """What simulations gave.

    Parameters
    ----------
    loss : ndarray, shape (N,)
        Exposure lost, before any recovery.
    of_cell : ndarray, shape (C,)
        Mean over simulations, by cell.
    of_cell_squared : ndarray, shape (C,)
        Mean square.
    """

    loss: FloatArray
    of_cell: FloatArray
    of_cell_squared: FloatArray


class LossSimulation:
    """Simulates exposures lost over the months ahead.

    Parameters
    ----------
    draws : Draws
        Posterior draws.
    groups : LossGroups
        Borrowers at risk.
    months : int
        Months ahead, at least 1.
    simulations : int
        N.
    seed : int
        Of the random numbers.
    """

    def __init__(
        self, draws: Draws, groups: LossGroups, months: int, simulations: int, seed: int
    ) -> None:
        self._law = _Law.of(draws, groups.z).arrays()
        self._groups = groups
        self._months = months
        self._seeds = np.random.SeedSequence(seed).generate_state(simulations)
        self._draw = np.arange(simulations) % draws.count
        # Groups are sorted by cell: a new cell begins where region or industry changes.
        at = np.stack([groups.region, groups.industry])
        change = (at[:, 1:] != at[:, :-1]).any(axis=0)
        self._cell = np.concatenate([[0], np.cumsum(change)])[: len(groups.n)]
        self.cells = at[:, np.unique(self._cell, return_index=True)[1]].T

    def run(self, which: IntArray | None = None) -> Simulated:
        """Simulate.

        Parameters
        ----------
        which : ndarray of int, optional
            Simulations to do again, by number; all of them without it.

        Returns
        -------
        Simulated
            In the order of `which`. Cells are those of `cells`.
        """
        which = np.arange(len(self._seeds)) if which is None else which
        parts = np.array_split(which, max(math.ceil(len(which) / _PART), 1))
        with ThreadPoolExecutor(_THREADS) as threads:
            found = list(threads.map(self._part, parts))
        of_cell = np.sum([squares for _, squares in found], axis=0)
        loss = np.concatenate([lost for lost, _ in found])
        return Simulated(loss, *of_cell / max(len(which), 1))

    def _part(self, which: IntArray) -> tuple[FloatArray, FloatArray]:
        loss, of_cell = np.zeros(len(which)), np.zeros((2, len(self.cells)))
        groups = self._groups
        _simulate(
            self._seeds[which].astype(np.int64),
            self._draw[which],
            self._months,
            self._law,
            (groups.region, groups.industry, groups.n, self._cell),
            (groups.mean, groups.deviation, groups.class_mean, groups.class_deviation),
            loss,
            of_cell,
        )
        return loss, of_cell


@njit(cache=True, nogil=True)
def binomial(n: int, p: float) -> int:
    """Draw a binomial number, exactly, from numba's own generator.

    Few expected events by inversion, many by transformed rejection (Hoermann, 1993,
    algorithm BTRD without its squeezes).

    Parameters
    ----------
    n : int
        Trials.
    p : float
        Probability.

    Returns
    -------
    int
        Events.
    """
    if n == 0 or p <= 0.0:
        return 0
    if p > 0.5:
        return n - binomial(n, 1.0 - p)
    if n * p < _FEW:
        return _by_inversion(n, p)
    return _by_rejection(n, p)


@njit(cache=True, nogil=True, inline="always")
def _by_inversion(n: int, p: float) -> int:
    left = np.random.random()
    odds = p / (1.0 - p)
    probability = math.exp(n * math.log1p(-p))
    k = 0
    while left > probability and k < n:
        left -= probability
        k += 1
        probability *= odds * (n - k + 1) / k
    return k


@njit(cache=True, nogil=True)
def _by_rejection(n: int, p: float) -> int:
    spread = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre = n * p + 0.5
    inner = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    mode = math.floor((n + 1) * p)
    log_odds = math.log(p / (1.0 - p))
    at_mode = math.lgamma(mode + 1.0) + math.lgamma(n - mode + 1.0)
    while True:
        u = np.random.random() - 0.5
        v = np.random.random()
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + centre)
        if us >= 0.07 and v <= inner:
            return int(k)
        if k < 0 or k > n:
            continue
        v = math.log(v * alpha / (a / (us * us) + b))
        here = math.lgamma(k + 1.0) + math.lgamma(n - k + 1.0)
        if v <= at_mode - here + (k - mode) * log_odds:
            return int(k)


@njit(cache=True, nogil=True)
def _some_of_all(k: int, n: int, exposure: FloatArray, order: IntArray) -> float:
    """Add up k of n exposures, drawn without replacement."""
    for i in range(n):
        order[i] = i
    total = 0.0
    for i in range(k):
        j = i + int(np.random.random() * (n - i))
        order[i], order[j] = order[j], order[i]
        total += exposure[order[i]]
    return total


@njit(cache=True, nogil=True)
def _some_of_classes(k: int, n: int, mean: FloatArray, deviation: FloatArray) -> float:
    """Add up k exposures, each of a class drawn with replacement."""
    total = 0.0
    for _ in range(k):
        rank = np.random.random() * n
        i = int(rank) * CLASSES // n
        # Two values, a deviation to either side, have the class's two moments; what is
        # left of the random number says which.
        aside = min(deviation[i], mean[i])
        total += mean[i] + (aside if rank - int(rank) < 0.5 else -aside)
    return total


@njit(cache=True, nogil=True)
def _exposures(
    fallen: IntArray,
    n: IntArray,
    cell: IntArray,
    exposures: tuple[FloatArray, ...],
    order: IntArray,
    here: FloatArray,
    variance: FloatArray,
) -> None:
    """Give every cell the exposure of those who fell, left to chance which."""
    mean, deviation, class_mean, class_deviation = exposures
    here[:], variance[:] = 0.0, 0.0
    for g in range(len(n)):
        k, of = fallen[g], cell[g]
        if k == 0:
            continue
        if k < n[g] <= CLASSES:
            here[of] += _some_of_all(k, n[g], class_mean[g], order)
        elif k <= _ONE_BY_ONE and k * _SHARE_WITH_REPLACEMENT <= n[g]:
            here[of] += _some_of_classes(k, n[g], class_mean[g], class_deviation[g])
        else:
            here[of] += k * mean[g]
            if k < n[g]:
                spread = deviation[g] * deviation[g]
                variance[of] += spread * k * (n[g] - k) / (n[g] - 1.0)
    for of in range(len(here)):
        if variance[of] > 0.0:
            drawn = here[of] + math.sqrt(variance[of]) * np.random.standard_normal()
            here[of] = max(drawn, 0.0)


@njit(cache=True, nogil=True, inline="always")
def _step(factor: FloatArray, phi: float) -> None:
    noise = math.sqrt(1.0 - phi * phi)
    for g in range(len(factor)):
        factor[g] = phi * factor[g] + noise * np.random.standard_normal()


@njit(cache=True, nogil=True)
def _simulate(
    seeds: IntArray,
    of_draw: IntArray,
    months: int,
    law: tuple[FloatArray, ...],
    groups: tuple[IntArray, ...],
    exposures: tuple[FloatArray, ...],
    loss: FloatArray,
    of_cell: FloatArray,
) -> None:
    region_of, industry_of, n, cell = groups
    fallen = np.empty(len(n), np.int64)
    order = np.empty(CLASSES, np.int64)
    here, variance = np.empty((2, of_cell.shape[1]))
    for i in range(len(seeds)):
        np.random.seed(seeds[i])
        _fall(of_draw[i], months, law, region_of, industry_of, n, fallen)
        _exposures(fallen, n, cell, exposures, order, here, variance)
        loss[i] = here.sum()
        of_cell[0] += here
        of_cell[1] += here * here


@njit(cache=True, nogil=True)
def _fall(
    d: int,
    months: int,
    law: tuple[FloatArray, ...],
    region_of: IntArray,
    industry_of: IntArray,
    n: IntArray,
    fallen: IntArray,
) -> None:
    """Count who falls in each group, in any of the months."""
    (
        loading_national,
        loading_region,
        loading_industry,
        offset_region,
        offset_industry,
        phi,
        last_national,
        last_region,
        last_industry,
        sigma,
        nu,
        threshold,
    ) = law
    national = np.full(1, last_national[d])
    region, industry = (
        np.empty(last_region.shape[1] + 1),
        np.empty(last_industry.shape[1] + 1),
    )
    region[:-1], industry[:-1] = last_region[d], last_industry[d]
    # Of a group never seen only the stationary law is known.
    region[-1], industry[-1] = np.random.standard_normal(), np.random.standard_normal()
    row = d if threshold.shape[0] > 1 else 0
    fallen[:] = 0
    for _ in range(months):
        _step(national, phi[d, 0])
        _step(region, phi[d, 1])
        _step(industry, phi[d, 2])
        scale = 1.0
        if nu[d] > 0.0:
            scale = math.sqrt(np.random.chisquare(nu[d]) / nu[d])
        for k in range(len(n)):
            r, s = region_of[k], industry_of[k]
            effect = (
                loading_national[d] * national[0]
                + loading_region[d, r] * region[r]
                + offset_region[d, r]
                + loading_industry[d, s] * industry[s]
                + offset_industry[d, s]
            )
            x = (scale * threshold[row, k] + effect) / sigma[d, r, s]
            fallen[k] += binomial(n[k] - fallen[k], normal_cdf(x))
