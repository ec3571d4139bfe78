r"""Weight of evidence: a feature as bins, each with its evidence for or against.

The weight of evidence of a bin is the log of its share of non-events over its share of
events,

.. math:: \mathrm{WOE}_i = \ln \frac{g_i / G}{b_i / B},

with :math:`g_i` of :math:`G` non-events and :math:`b_i` of :math:`B` events in the bin
(Siddiqi, 2006, "Credit Risk Scorecards"): positive where risk is below that of the
population, so every coefficient on the log-odds of the event must be negative. Counts
are smoothed towards the population (`SMOOTHING`), so that an empty bin has weight 0 and
a bin without events a finite one. Information value:
:math:`\sum_i (g_i/G - b_i/B)\,\mathrm{WOE}_i`.

Bins are the optimal ones of Navas-Palencia (2020, "Optimal binning: mathematical
programming formulation"), found on at most `MOST_PREBINS` counted pre-bins, so that the
solver's work does not grow with the rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from comove.risk_model.calibration import overlaps

if TYPE_CHECKING:
    from comove.risk_model.features import Feature

FloatArray = NDArray[np.float64]
Column = NDArray[np.float32]
Codes = NDArray[np.int64]

# Bins by quantile that the optimal ones are made of; half their edges come from the
# quantiles of events, which reach into the tail where events are and rows are few.
MOST_PREBINS = 64

# Rows drawn to place the edges of pre-bins; all rows are counted.
EDGE_ROWS = 200_000

# Least share of rows and least number of events in a bin of values.
LEAST_SHARE = 0.01
LEAST_EVENTS = 5

# Pseudo-observations of the rarer class that every bin is given, mixed as the population
# is: weights of small bins shrink to 0 and none is infinite.
SMOOTHING = 0.5

# More than any pre-binned feature has taken; a guard against a solver that hangs.
SOLVER_SECONDS = 20

MISSING = "missing"


@dataclass(frozen=True)
class WoeBins:
    """The bins of one feature and their weights of evidence.

    Values fall into bin ``i`` when ``edges[i-1] < value <= edges[i]``; categories, given
    as codes, into ``groups[code]``. The bin after the last one of values is that of
    missing values. A category without a group (never seen in fitting) has weight 0, the
    population's; as the matrix of features encodes a category unknown to the encoding
    as missing, such a one has the weight of missing values.

    Parameters
    ----------
    name : str
        The feature.
    edges : tuple of float
        Upper edges of the bins of values but the last; each is a float32 that was seen.
    groups : tuple of int, or None
        Bin of each category's code, -1 for none; None if the feature is a number.
    labels : tuple of str
        What is in each bin, in words; the last one is `MISSING`.
    non_events, events : tuple of int
        Rows of each class in each bin when fitted.
    """

    name: str
    edges: tuple[float, ...]
    groups: tuple[int, ...] | None
    labels: tuple[str, ...]
    non_events: tuple[int, ...]
    events: tuple[int, ...]

    @property
    def woe(self) -> FloatArray:
        """Weight of evidence of each bin, the missing values' last."""
        return weight_of_evidence(np.array(self.non_events), np.array(self.events))

    @property
    def woe_by_code(self) -> FloatArray:
        """Weights in the order of `codes`: those of the bins, then 0 for the unseen."""
        return np.append(self.woe, 0.0)

    @property
    def information_value(self) -> float:
        """Information value of the feature."""
        good, bad = np.array(self.non_events), np.array(self.events)
        gap = good / max(good.sum(), 1) - bad / max(bad.sum(), 1)
        return float(gap @ self.woe)

    @property
    def missing(self) -> int:
        """Number of the bin of missing values."""
        return len(self.events) - 1

    def codes(self, column: Column) -> Codes:
        """Give each value its bin.

        Parameters
        ----------
        column : ndarray of float32, shape (n,)
            Values or category codes; NaN is missing.

        Returns
        -------
        ndarray of int64, shape (n,)
            Bins from 0; ``missing + 1`` for a category that was never seen.
        """
        if self.groups is None:
            return _number_codes(column, self.edges, self.missing)
        return _category_codes(column, self.groups, self.missing)

    def weights(self, column: Column) -> FloatArray:
        """Replace each value by the weight of evidence of its bin.

        Parameters
        ----------
        column : ndarray of float32, shape (n,)
            Values or category codes; NaN is missing.

        Returns
        -------
        ndarray, shape (n,)
            Weights of evidence; 0 for a category that was never seen.
        """
        return self.woe_by_code[self.codes(column)]

    def to_json(self) -> dict[str, Any]:
        """Give the bins, with their weights, as plain numbers and lists."""
        return asdict(self) | {"woe": [float(weight) for weight in self.woe]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` gave; the weights follow from the counts."""
        groups = stored["groups"]
        return cls(
            name=stored["name"],
            edges=tuple(float(edge) for edge in stored["edges"]),
            groups=None if groups is None else tuple(int(group) for group in groups),
            labels=tuple(stored["labels"]),
            non_events=tuple(int(count) for count in stored["non_events"]),
            events=tuple(int(count) for count in stored["events"]),
        )


def weight_of_evidence(non_events: NDArray[Any], events: NDArray[Any]) -> FloatArray:
    """Compute smoothed weights of evidence from counts.

    Parameters
    ----------
    non_events, events : ndarray, shape (bins,)
        Rows of each class in each bin.

    Returns
    -------
    ndarray, shape (bins,)
        ln(share of non-events / share of events), both smoothed; 0 everywhere when a
        class lacks.
    """
    good, bad = float(non_events.sum()), float(events.sum())
    rarer = min(good, bad)
    if not rarer:
        return np.zeros(len(events))
    return np.log(non_events / good + SMOOTHING / rarer) - np.log(
        events / bad + SMOOTHING / rarer
    )


def _number_codes(column: Column, edges: tuple[float, ...], missing: int) -> Codes:
    # Both sides are float32, so that a value equal to an edge stays in the bin below it.
    values = np.asarray(column, dtype=np.float32)
    codes = np.searchsorted(np.array(edges, dtype=np.float32), values, side="left")
    codes[np.isnan(values)] = missing
    return codes


def _category_codes(column: Column, groups: tuple[int, ...], missing: int) -> Codes:
    is_missing = np.isnan(column)
    unseen = missing + 1
    table = np.array([*groups, -1], dtype=np.int64)
    table[table < 0] = unseen
    given = np.where(is_missing, 0, column).astype(np.int64)
    given[(given < 0) | (given >= len(groups))] = len(groups)
    return np.where(is_missing, missing, table[given])


def fit_bins(
    feature: Feature,
    column: Column,
    y: FloatArray,
    *,
    categories: tuple[str, ...] = (),
    seed: int = 0,
    max_bins: int = 6,
) -> WoeBins | str:
    """Find a feature's optimal bins.

    Parameters
    ----------
    feature : Feature
        Its kind, and the sign of its effect on the event, which the bins then keep.
    column : ndarray of float32, shape (n,)
        Finite values or category codes; NaN is missing.
    y : ndarray, shape (n,)
        1 for an event, else 0; both occur.
    categories : tuple of str
        Names of the codes, if the feature is a category.
    seed : int
        Seed of the draw that places pre-bins' edges when there are many rows.
    max_bins : int
        Bins of values at most, missing values not counted.

    Returns
    -------
    WoeBins or str
        The bins, or the reason why the feature tells nothing.
    """
    column = np.ascontiguousarray(column, dtype=np.float32)
    is_missing = np.isnan(column)
    if is_missing.all():
        return "all values are missing"
    is_event = np.asarray(y) > 0
    lacking = _counts(np.zeros(int(is_missing.sum()), np.int64), is_event[is_missing], 1)
    present, outcome = column[~is_missing], is_event[~is_missing]
    if feature.kind == "category":
        bins = _category_bins(feature, present, outcome, lacking, categories, max_bins)
    else:
        bins = _number_bins(feature, present, outcome, lacking, seed, max_bins)
    if sum(total > 0 for total in np.add(bins.non_events, bins.events)) < 2:
        return _why_one_bin(present, outcome)
    return bins


def _why_one_bin(present: Column, is_event: NDArray[np.bool_]) -> str:
    if (present == present[0]).all():
        return "constant"
    if is_event.any() and not is_event.all() and not overlaps(present, is_event):
        return "tells every event from every other row: a leak, or too few rows"
    return "no bins tell events from other rows with the sign that is known"


def _number_bins(
    feature: Feature,
    values: Column,
    is_event: NDArray[np.bool_],
    lacking: NDArray[np.int64],
    seed: int,
    max_bins: int,
) -> WoeBins:
    edges = _prebin_edges(values, is_event, seed)
    prebins = np.searchsorted(edges, values, side="left")
    counts = _counts(prebins, is_event, len(edges) + 1)
    trend = {1: "ascending", -1: "descending"}.get(feature.direction, "auto")
    splits = _optimal_splits(counts, trend, max_bins)
    if feature.direction:
        splits = _kept_in_order(counts, splits, feature.direction, lacking)
    kept = tuple(float(edge) for edge in edges[splits])
    merged = np.vstack([_merged(counts, splits), lacking])
    return WoeBins(
        name=feature.name,
        edges=kept,
        groups=None,
        labels=(*_interval_labels(kept), MISSING),
        non_events=tuple(merged[:, 0].tolist()),
        events=tuple(merged[:, 1].tolist()),
    )


def _category_bins(
    feature: Feature,
    codes: Column,
    is_event: NDArray[np.bool_],
    lacking: NDArray[np.int64],
    categories: tuple[str, ...],
    max_bins: int,
) -> WoeBins:
    """Group categories that follow each other in the order of their risk."""
    given = codes.astype(np.int64)
    counts = _counts(given, is_event, max(len(categories), int(given.max()) + 1))
    is_seen = counts.sum(axis=1) > 0
    # The smoothed weight, unlike the rate, does not put a category of three rows first.
    risk = -weight_of_evidence(counts[:, 0], counts[:, 1])
    order = np.argsort(risk, kind="stable")
    order = order[is_seen[order]]
    splits = _optimal_splits(counts[order], "ascending", max_bins)
    splits = _kept_in_order(counts[order], splits, 1, lacking)
    groups = np.full(len(counts), -1, dtype=np.int64)
    groups[order] = np.searchsorted(splits, np.arange(len(order)), side="left")
    merged = np.vstack([_merged(counts[order], splits), lacking])
    return WoeBins(
        name=feature.name,
        edges=(),
        groups=tuple(groups.tolist()),
        labels=(*_group_labels(groups, categories, len(splits) + 1), MISSING),
        non_events=tuple(merged[:, 0].tolist()),
        events=tuple(merged[:, 1].tolist()),
    )


def _prebin_edges(values: Column, is_event: NDArray[np.bool_], seed: int) -> Column:
    """Choose seen values as edges; none is the largest, so that no bin is empty."""
    drawn = [_drawn(values, seed), _drawn(values[is_event], seed)]
    distinct = np.unique(np.concatenate(drawn))
    if len(distinct) > MOST_PREBINS:
        shares = np.arange(1, MOST_PREBINS // 2) / (MOST_PREBINS // 2)
        # An inverted distribution function gives values that were seen, not midpoints.
        parts = [
            np.quantile(part, shares, method="inverted_cdf")
            for part in drawn
            if len(part)
        ]
        distinct = np.unique(np.concatenate(parts))
    return distinct[distinct < values.max()].astype(np.float32)


def _drawn(values: Column, seed: int) -> Column:
    if len(values) <= EDGE_ROWS:
        return values
    return values[np.random.default_rng(seed).integers(0, len(values), EDGE_ROWS)]


def _counts(bins: Codes, is_event: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
    """Count non-events and events of each bin, shape (bins, 2)."""
    both = np.bincount(bins * 2 + is_event, minlength=2 * size)
    return both.reshape(size, 2).astype(np.int64)


def _merged(counts: NDArray[np.int64], splits: Codes) -> NDArray[np.int64]:
    """Add up the pre-bins between splits; a split is the last pre-bin of a bin."""
    return np.add.reduceat(counts, np.concatenate([[0], splits + 1]), axis=0)


def _optimal_splits(counts: NDArray[np.int64], trend: str, max_bins: int) -> Codes:
    """Ask the solver which pre-bins end a bin.

    The solver sees the pre-bins' numbers, not their values: only their order matters to
    it, and a split between whole numbers loses nothing to rounding.
    """
    events = int(counts[:, 1].sum())
    if len(counts) < 2 or not 0 < events < counts.sum():
        return np.empty(0, dtype=np.int64)
    with _quiet_cvxpy():
        from optbinning import OptimalBinning
    solver = OptimalBinning(
        dtype="numerical",
        solver="cp",
        monotonic_trend=trend,
        max_n_bins=max_bins,
        min_prebin_size=LEAST_SHARE,
        min_bin_n_event=min(LEAST_EVENTS, events),
        time_limit=SOLVER_SECONDS,
        random_state=0,
    )
    places, classes = np.nonzero(counts)
    solver.fit(places.astype(np.float64), classes, counts[places, classes])
    splits: Codes = np.floor(solver.splits).astype(np.int64)
    return splits


@contextmanager
def _quiet_cvxpy() -> Iterator[None]:
    """Keep cvxpy from announcing that one of its solvers cannot be loaded.

    OR-tools brings its own libhighs.so.1, older than highspy's of the same name; once
    it is in the process highspy cannot be imported. Nobody here uses that solver:
    optbinning imports cvxpy (through ropwr) for another kind of binning.
    """
    logger = logging.getLogger("__cvxpy__")

    def is_about_something_else(record: logging.LogRecord) -> bool:
        return "importing solver HIGHS" not in record.getMessage()

    logger.addFilter(is_about_something_else)
    try:
        yield
    finally:
        logger.removeFilter(is_about_something_else)


def _kept_in_order(
    counts: NDArray[np.int64], splits: Codes, direction: int, lacking: NDArray[np.int64]
) -> Codes:
    """Merge neighbours whose smoothed weights are out of order.

    The solver orders event rates; smoothing moves a small bin's weight more than its
    large neighbour's and can turn two around.
    """
    while len(splits):
        bins = np.vstack([_merged(counts, splits), lacking])
        woe = weight_of_evidence(bins[:, 0], bins[:, 1])[:-1]
        steps = np.diff(woe) * -direction
        if steps.min() > 0:
            break
        splits = np.delete(splits, int(steps.argmin()))
    return splits


def _interval_labels(edges: tuple[float, ...]) -> list[str]:
    shown = [f"{edge:,.6g}" for edge in edges]
    if not shown:
        return ["any value"]
    between = [f"{low} to {high}" for low, high in pairwise(shown)]
    return [f"up to {shown[0]}", *between, f"above {shown[-1]}"]


def _group_labels(
    groups: NDArray[np.int64], categories: tuple[str, ...], size: int
) -> list[str]:
    names = [*categories, *map(str, range(len(categories), len(groups)))]
    return [
        ", ".join(names[code] for code in np.flatnonzero(groups == group))
        for group in range(size)
    ]
