r"""Links: how much likelier one default makes another.

Given a draw :math:`d`, two borrowers :math:`a \ne b` are bivariate normal (module
`outlook`) with correlation :math:`\rho_d = v_{ab} / (\tau_a \tau_b)`, where
:math:`v_{ab}` is the variance of the shocks they share. With :math:`p_{a,d}`,
:math:`p_{b,d}` and :math:`p_{ab,d}` the probabilities of either and of both,

- **lift** :math:`= \bar p_{ab} / (\bar p_a \bar p_b)`, means over draws: P(b | a, data) /
  P(b | data). It holds both ways in which one default tells of another: shocks to come
  that both share, and what the default says about the state of the factors and about the
  loadings, which data left uncertain. It is one number; nothing of it is uncertain but
  the error of so many draws.
- **lift of a draw** :math:`= p_{ab,d} / (p_{a,d}\,p_{b,d})`: the first of the two ways
  alone, as if state and loadings were those of the draw. Its quantiles over draws are the
  interval given, and tell how well the data know the dependence. The lift may lie above
  the interval where the state of the factors is very uncertain.
- **probability of lift**: share of draws whose lift is above 1. Loadings are positive and
  the national factor is common to all, so a draw's lift is above 1 for every pair, and
  this is 1 except where all shared loadings are 0. What tells strong links from weak ones
  is the size of the lift, and of the index.

A borrower paired with himself is none of this; callers leave him out.
"""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from comove.joint_risk.bivariate import joint_cdf, normal_cdf
from comove.joint_risk.draws import Draws
from comove.joint_risk.index_table import HIGH, LOW, grid, log_probabilities, same_cells
from comove.joint_risk.outlook import Outlook, look_ahead
from comove.joint_risk.student_t import normal_quantile, scale_nodes, thresholds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Draws that links of an event are averaged over: with a spread of the lift of 20 % over
# draws, its mean is known to 1 % (Gaussian) or 2 % (Student-t, where a draw costs the
# quadrature over the common scale).
EVENT_DRAWS, EVENT_DRAWS_STUDENT = 400, 100
# Of the table of all pairs of cells: 0.6 % and 2 %.
CELL_DRAWS, CELL_DRAWS_STUDENT = 1000, 100
# Logs of lifts are smooth in the debtor's margin.
_STEP = 0.5
# Below this the probability of both is below 1e-18 of anything that counts.
_NEVER = -9.0
_LEAST = 1e-300


@dataclass(frozen=True)
class EventLinks:
    """Links from one defaulted borrower to all cells, over Z margins.

    R and S are the regions and industries of the posterior, each with one more at the end
    for groups never seen. Every array has shape (R + 1, S + 1, Z).

    Parameters
    ----------
    link_lift, lift_q05, lift_q95 : ndarray
        P(b | a) / P(b), and the interval over draws.
    probability_of_lift : ndarray
        Share of draws whose lift is above 1.
    joint_probability : ndarray
        P(b | a, data to T), of the month ahead.
    joint_risk_index, index_q05, index_q95 : ndarray
        That over P(b | data to T - 1), the probability that the previous posterior gave
        one month ahead at the same margin. Draws of both are paired as they come, as if
        the two posteriors were independent.
    """

    link_lift: FloatArray
    lift_q05: FloatArray
    lift_q95: FloatArray
    probability_of_lift: FloatArray
    joint_probability: FloatArray
    joint_risk_index: FloatArray
    index_q05: FloatArray
    index_q95: FloatArray


class EventLinker:
    """Works out links of events from two posteriors, a month apart.

    Parameters
    ----------
    draws : Draws
        Posterior of the data to T.
    previous : Draws
        Posterior of the data to T - 1.
    """

    def __init__(self, draws: Draws, previous: Draws) -> None:
        count = EVENT_DRAWS if draws.nu is None else EVENT_DRAWS_STUDENT
        self.outlook = look_ahead(draws.thinned(min(count, previous.count)))
        self._previous = look_ahead(previous.thinned(self.outlook.count))
        self._laid: tuple[FloatArray, FloatArray, FloatArray] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Regions and industries of every grid, with those never seen."""
        return len(self.outlook.regions) + 1, len(self.outlook.industries) + 1

    def links_from(
        self, region: str, industry: str, margin: float, z: FloatArray
    ) -> EventLinks:
        """Work out the links of one event.

        Parameters
        ----------
        region, industry : str
            Groups of the borrower who defaulted.
        margin : float
            His pd*, strictly between 0 and 1.
        z : ndarray, shape (Z,)
            Normal quantiles of debtors' margins, increasing.

        Returns
        -------
        EventLinks
            Of every cell.
        """
        nodes, now, before = self._lay(z)
        a = (
            int(self.outlook.place(np.array([region]), "regions")[0]),
            int(self.outlook.place(np.array([industry]), "industries")[0]),
        )
        z_a = np.clip(normal_quantile(margin), -8.0, 8.0)
        found = _event_pairs(self.outlook, a, float(z_a), nodes)
        return _interpolated(_summarised(*found, now, before), nodes, z, self.shape)

    def _lay(self, z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Give nodes that span `z`, and probabilities there, kept for the next event."""
        nodes = grid(float(z[0]), float(z[-1]), _STEP)
        if self._laid is None or not np.array_equal(self._laid[0], nodes):
            now = np.exp(log_probabilities(self.outlook, nodes), dtype=np.float64)
            before = np.exp(log_probabilities(self._previous, nodes), dtype=np.float64)
            self._laid = nodes, now, before[same_cells(self.outlook, self._previous)]
        return self._laid


@dataclass(frozen=True)
class _Side:
    """One of the two borrowers of a pair: its cell, over draws."""

    mean: FloatArray
    spread: FloatArray
    region: int
    industry: int


def _side(outlook: Outlook, region: int, industry: int) -> _Side:
    mean = (
        outlook.mean_national
        + outlook.mean_region[:, region]
        + outlook.mean_industry[:, industry]
    )
    variance = (
        outlook.sigma_squared[:, region, industry]
        + outlook.shock_national
        + outlook.shock_region[:, region]
        + outlook.shock_industry[:, industry]
    )
    return _Side(mean, np.sqrt(variance), region, industry)


def _correlation(outlook: Outlook, a: _Side, b: _Side) -> FloatArray:
    """Correlation of two borrowers given a draw; groups never seen share nothing."""
    shared = outlook.shock_national.copy()
    if a.region == b.region < len(outlook.regions):
        shared += outlook.shock_region[:, a.region]
    if a.industry == b.industry < len(outlook.industries):
        shared += outlook.shock_industry[:, a.industry]
    correlation: FloatArray = shared / (a.spread * b.spread)
    return correlation


def _event_pairs(
    outlook: Outlook, of: tuple[int, int], z_a: float, nodes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """P(a), shape (D,), and P(a and b) for every cell and node, shape (C, Z, D)."""
    a = _side(outlook, *of)
    scale, weight = scale_nodes(outlook.nu, outlook.count)
    q_a = np.ascontiguousarray(thresholds(z_a, outlook.nu, outlook.count))
    q_b = np.ascontiguousarray(thresholds(nodes, outlook.nu, outlook.count).T)
    cells = [
        (region, industry)
        for region in range(len(outlook.regions) + 1)
        for industry in range(len(outlook.industries) + 1)
    ]
    both = np.empty((len(cells), len(nodes), outlook.count))
    alone = np.empty(outlook.count)
    _alone(a.mean, a.spread, q_a, scale, weight, alone)
    for cell, names in enumerate(cells):
        b = _side(outlook, *names)
        rho = _correlation(outlook, a, b)
        _both(
            a.mean, a.spread, q_a, b.mean, b.spread, q_b, rho, scale, weight, both[cell]
        )
    return alone, both


@njit(cache=True, nogil=True)
def _alone(
    mean: FloatArray,
    spread: FloatArray,
    threshold: FloatArray,
    scale: FloatArray,
    weight: FloatArray,
    found: FloatArray,
) -> None:
    for d in range(len(found)):
        found[d] = 0.0
        for k in range(scale.shape[1]):
            x = (scale[d, k] * threshold[d] + mean[d]) / spread[d]
            found[d] += weight[d, k] * normal_cdf(x)


@njit(cache=True, nogil=True)
def _both(
    mean_a: FloatArray,
    spread_a: FloatArray,
    threshold_a: FloatArray,
    mean_b: FloatArray,
    spread_b: FloatArray,
    threshold_b: FloatArray,
    rho: FloatArray,
    scale: FloatArray,
    weight: FloatArray,
    found: FloatArray,
) -> None:
    """Probability of both events, by margin of the second (rows) and draw (columns)."""
    margins, draws = found.shape
    for j in range(margins):
        for d in range(draws):
            total = 0.0
            for k in range(scale.shape[1]):
                x = (scale[d, k] * threshold_a[d] + mean_a[d]) / spread_a[d]
                y = (scale[d, k] * threshold_b[j, d] + mean_b[d]) / spread_b[d]
                if scale.shape[1] == 1 or (x > _NEVER and y > _NEVER):
                    total += weight[d, k] * joint_cdf(x, y, rho[d])
            found[j, d] = total


def _summarised(
    alone: FloatArray, both: FloatArray, now: FloatArray, before: FloatArray
) -> EventLinks:
    """Summarise over draws; arrays of cells by nodes."""
    given = both / alone
    mean_given = both.mean(axis=2) / alone.mean()
    of_draw = given / now
    index = given / before
    low, high = np.quantile(of_draw, (LOW, HIGH), axis=2)
    index_low, index_high = np.quantile(index, (LOW, HIGH), axis=2)
    return EventLinks(
        mean_given / now.mean(axis=2),
        low,
        high,
        (of_draw > 1.0).mean(axis=2),
        mean_given,
        mean_given / before.mean(axis=2),
        index_low,
        index_high,
    )


def _interpolated(
    links: EventLinks, nodes: FloatArray, z: FloatArray, shape: tuple[int, int]
) -> EventLinks:
    """Interpolate in the margin by cubic splines, positive numbers in their log."""
    inside = np.clip(z, nodes[0], nodes[-1])
    told = {}
    for field in fields(links):
        values = getattr(links, field.name)
        if field.name == "probability_of_lift":
            found = np.clip(CubicSpline(nodes, values, axis=1)(inside), 0.0, 1.0)
        else:
            logs = np.log(np.maximum(values, _LEAST))
            found = np.exp(CubicSpline(nodes, logs, axis=1)(inside))
        told[field.name] = found.reshape(*shape, len(z))
    return EventLinks(**told)


def cell_links(draws: Draws, pd_star: FloatArray) -> pd.DataFrame:
    r"""Work out links of every pair of cells, of borrowers at the cells' mean margin.

    Links of a cell with itself are those of two borrowers within it. More than 1000 draws
    (100 of the Student-t copula) are thinned to so many: with a spread of the lift of
    20 % over draws, the lift is known to 0.6 % (2 %).

    Parameters
    ----------
    draws : Draws
        Posterior draws.
    pd_star : ndarray, shape (R, S)
        Mean margin of each cell; cells with nan, 0 or 1 are left out.

    Returns
    -------
    pandas.DataFrame
        One row per ordered pair: ``region_a``, ``industry_a``, ``region_b``,
        ``industry_b``; ``correlation`` of the latent variables of the month ahead given
        the data (of their Gaussian part, in the Student-t copula), in which the uncertain
        state of the factors has its part, ``correlation_q05`` and ``correlation_q95``
        over draws, without that part; ``correlation_unconditional``, before any factor is
        known, mean over draws; ``lift``, ``lift_q05``, ``lift_q95``,
        ``probability_of_lift``.
    """
    count = CELL_DRAWS if draws.nu is None else CELL_DRAWS_STUDENT
    draws = draws.thinned(count)
    outlook = look_ahead(draws)
    at = np.argwhere((pd_star > 0) & (pd_star < 1))
    pairs = _CellPairs(draws, outlook, at, normal_quantile(pd_star[tuple(at.T)]))
    columns = {
        name: np.full((len(at), len(at)), np.nan, np.float64) for name in _PAIR_NUMBERS
    }
    for a in range(len(at)):
        for name, values in pairs.from_cell(a).items():
            columns[name][a, a:] = columns[name][a:, a] = values
    return pairs.named(columns)


_PAIR_NUMBERS = (
    "correlation",
    "correlation_q05",
    "correlation_q95",
    "correlation_unconditional",
    "lift",
    "lift_q05",
    "lift_q95",
    "probability_of_lift",
)


class _CellPairs:
    """Pairs of cells at given margins; each is worked out with itself and later ones."""

    def __init__(
        self, draws: Draws, outlook: Outlook, at: IntArray, z: FloatArray
    ) -> None:
        self._draws = draws
        self._outlook = outlook
        self._at = at
        self._sides = [_side(outlook, int(r), int(s)) for r, s in at]
        count = outlook.count
        self._threshold = np.ascontiguousarray(thresholds(z, outlook.nu, count).T)
        self._scale, self._weight = scale_nodes(outlook.nu, count)
        self._alone = np.empty((len(at), count))
        for cell, side in enumerate(self._sides):
            _alone(
                side.mean,
                side.spread,
                self._threshold[cell],
                self._scale,
                self._weight,
                self._alone[cell],
            )

    def from_cell(self, a: int) -> dict[str, FloatArray]:
        """Work out the pairs of a cell with itself and those after it."""
        others = range(a, len(self._sides))
        rho = np.array([self._rho(a, b) for b in others])
        both = np.concatenate([self._both(a, b, rho[b - a]) for b in others])
        alone, given = self._alone[a], self._alone[a:]
        of_draw = both / (alone * given)
        low, high = np.quantile(of_draw, (LOW, HIGH), axis=1)
        rho_low, rho_high = np.quantile(rho, (LOW, HIGH), axis=1)
        return {
            "correlation": self._given_data(a, rho),
            "correlation_q05": rho_low,
            "correlation_q95": rho_high,
            "correlation_unconditional": self._unconditional(a),
            "lift": both.mean(axis=1) / (alone.mean() * given.mean(axis=1)),
            "lift_q05": low,
            "lift_q95": high,
            "probability_of_lift": (of_draw > 1.0).mean(axis=1),
        }

    def named(self, columns: dict[str, FloatArray]) -> pd.DataFrame:
        """Lay the pairs out as a table, with the names of their groups."""
        cells = len(self._at)
        region = np.array(self._outlook.regions, object)[self._at[:, 0]]
        industry = np.array(self._outlook.industries, object)[self._at[:, 1]]
        names = {
            "region_a": np.repeat(region, cells),
            "industry_a": np.repeat(industry, cells),
            "region_b": np.tile(region, cells),
            "industry_b": np.tile(industry, cells),
        }
        return pd.DataFrame(names | {n: table.ravel() for n, table in columns.items()})

    def _rho(self, a: int, b: int) -> FloatArray:
        return _correlation(self._outlook, self._sides[a], self._sides[b])

    def _both(self, a: int, b: int, rho: FloatArray) -> FloatArray:
        one, other = self._sides[a], self._sides[b]
        found = np.empty((1, len(rho)))
        _both(
            one.mean,
            one.spread,
            self._threshold[a],
            other.mean,
            other.spread,
            self._threshold[b : b + 1],
            rho,
            self._scale,
            self._weight,
            found,
        )
        return found

    def _given_data(self, a: int, rho: FloatArray) -> FloatArray:
        """Law of total covariance: shocks to come, and the uncertain state."""
        mean = np.array([side.mean for side in self._sides[a:]])
        spread = np.array([side.spread for side in self._sides[a:]])
        around = mean - mean.mean(axis=1, keepdims=True)
        covariance = (rho * spread * spread[0] + around * around[0]).mean(axis=1)
        variance = (spread**2 + around**2).mean(axis=1)
        # Within a cell `covariance` is of two borrowers, `variance` of one.
        correlation: FloatArray = covariance / np.sqrt(variance * variance[0])
        return correlation

    def _unconditional(self, a: int) -> FloatArray:
        region, industry = self._at[a:].T
        draws = self._draws
        shared = draws.loading_national[:, None] ** 2 + (
            draws.loading_region[:, region] ** 2 * (region == region[0])
            + draws.loading_industry[:, industry] ** 2 * (industry == industry[0])
        )
        mean: FloatArray = shared.mean(axis=0)
        return mean
