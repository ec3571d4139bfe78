"""Which borrowers an event is linked to, and how strongly.

The law of a link depends on the cells of both borrowers and on their margins, never on
who they are. So links are worked out at nodes of the event's margin, on a grid of the
debtor's margin for every cell; events of one cell and nearly one margin are read off
between two nodes, and debtors are placed on the grid: the work over draws grows with
nodes, not with events times borrowers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from comove.default_response.scratch import (
    DEBTORS,
    EVENT_GROUPS,
    EVENTS,
    LINKS,
    ResponseError,
)
from comove.joint_risk.link import EventLinks
from comove.settings import Settings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Tell = Callable[[str], None]

# Events are taken as one where their margins round to the same multiple of this, on the
# scale of normal quantiles. Half of it moves a lift by at most 0.2 % where two borrowers
# have the correlation 0.2, 0.4 % at 0.5, 0.7 % at 0.8.
EVENT_STEP = 0.005
# Links are worked out over draws at multiples of so many steps; between two, logarithms
# of ratios are all but straight.
NODE_STEPS = 20
GRID_POINTS = 49
# No margin of a debtor lies beyond: a probability of 1e-9.
FURTHEST = 6.0
_LEAST = 1e-300
# Fields of `EventLinks` that `risk.linked_debtor` keeps.
NUMBERS = (
    "link_lift",
    "lift_q05",
    "lift_q95",
    "probability_of_lift",
    "joint_probability",
    "joint_risk_index",
    "index_q05",
    "index_q95",
)
_SCHEMA = pa.schema(
    [("link_group", pa.int64()), ("borrower_key", pa.string())]
    + [(name, pa.float64()) for name in NUMBERS]
)


@dataclass(frozen=True)
class LinkSource:
    """Where links come from: two posteriors, and the arithmetic over their draws.

    Parameters
    ----------
    shape : tuple of int
        R and S of its grids.
    place : callable
        Takes names and ``regions`` or ``industries``; gives their positions on the axes
        of an `EventLinks`.
    links_of : callable
        Takes region and industry (names) and the margin of the event's borrower, and the
        grid of normal quantiles of debtors' margins, shape (Z,); gives an `EventLinks`.
    """

    shape: tuple[int, int]
    place: Callable[[NDArray[np.str_], str], IntArray]
    links_of: Callable[[str, str, float, FloatArray], EventLinks]


@dataclass(frozen=True)
class LinkReport:
    """What was linked.

    Parameters
    ----------
    events, kinds_of_events : int
        Events, and how many different ones the arithmetic saw.
    initial_links, links : int
        Pairs of event and debtor: with a lift surely above 1; of these, with lift and
        index at or above their thresholds. A borrower is no debtor of his own default.
    """

    events: int
    kinds_of_events: int
    initial_links: int
    links: int


@dataclass(frozen=True)
class _Kind:
    """Events of one cell and nearly one margin."""

    link_group: int
    region: str
    industry: str
    step: int


class _Nodes:
    """Links of events, read off between nodes of the event's margin.

    Parameters
    ----------
    source : LinkSource
        Works out a node.
    grid : ndarray, shape (Z,)
        Normal quantiles of debtors' margins.
    """

    def __init__(self, source: LinkSource, grid: FloatArray) -> None:
        self._source = source
        self._grid = grid
        # Events come cell by cell, margins increasing: two nodes are in use.
        self._node = lru_cache(maxsize=2)(self._worked_out)

    def links_of(self, kind: _Kind) -> EventLinks:
        """Give the links of a kind of event."""
        node, beyond = divmod(kind.step, NODE_STEPS)
        below = self._node(kind.region, kind.industry, node)
        if beyond == 0:
            return below
        above = self._node(kind.region, kind.industry, node + 1)
        return _between(below, above, beyond / NODE_STEPS)

    def _worked_out(self, region: str, industry: str, node: int) -> EventLinks:
        margin = float(ndtr(node * NODE_STEPS * EVENT_STEP))
        return self._source.links_of(region, industry, margin, self._grid)


def _between(below: EventLinks, above: EventLinks, weight: float) -> EventLinks:
    """Interpolate between the links of two events, ratios in their logarithm."""
    told = {}
    for field in fields(EventLinks):
        low, high = getattr(below, field.name), getattr(above, field.name)
        if field.name == "probability_of_lift":
            told[field.name] = low + weight * (high - low)
        else:
            told[field.name] = low * (high / np.maximum(low, _LEAST)) ** weight
    return EventLinks(**told)


@dataclass(frozen=True)
class _Placed:
    """Debtors on the grid: cell and place of each."""

    keys: NDArray[np.object_]
    cell: IntArray
    left: IntArray
    weight: FloatArray

    def read(self, found: EventLinks, name: str, rows: IntArray) -> FloatArray:
        """Interpolate a field of a grid at some debtors, ratios in their logarithm."""
        table = getattr(found, name).reshape(-1, GRID_POINTS)
        if name != "probability_of_lift":
            table = np.log(np.maximum(table, _LEAST))
        cell, left, weight = self.cell[rows], self.left[rows], self.weight[rows]
        below, above = table[cell, left], table[cell, left + 1]
        value: FloatArray = below + weight * (above - below)
        return value if name == "probability_of_lift" else np.exp(value)


def link_debtors(
    settings: Settings, folder: Path, source: LinkSource, *, tell: Tell
) -> LinkReport:
    """Link the debtors of a run to its events; write the links as Parquet.

    Reads ``events.parquet`` and ``debtors.parquet``; writes ``event_groups.parquet``
    (event_id, link_group, initial_links) and ``links.parquet`` (link_group, borrower_key,
    `NUMBERS`): one row per kind of event and debtor, whatever the number of events.

    Parameters
    ----------
    settings : Settings
        Least probability of a lift, least lift and index, most pairs.
    folder : Path
        Of the run.
    source : LinkSource
        The posteriors.
    tell : callable
        Takes a sentence of progress.

    Returns
    -------
    LinkReport
        Counts.

    Raises
    ------
    ResponseError
        When there are more pairs than the setting allows; nothing is left out silently.
    """
    events = pd.read_parquet(folder / EVENTS)
    debtors = pd.read_parquet(folder / DEBTORS)
    grid, placed = _place(debtors, source)
    groups, kinds = _kinds(events)
    nodes = _Nodes(source, grid)
    sizes = groups["link_group"].value_counts()
    initial: dict[int, int] = {}
    links = 0
    with _writer(folder / LINKS) as writer:
        for done, one in enumerate(kinds, start=1):
            found = nodes.links_of(one)
            sure, linked = _linked(settings, found, placed)
            initial[one.link_group] = sure
            links += len(linked) * int(sizes[one.link_group])
            _refuse_too_many(settings, links)
            writer.write_table(_table(one.link_group, linked, found, placed))
            tell(f"{done}/{len(kinds)} kinds of events, {links:,} links so far")
    groups["initial_links"] = groups["link_group"].map(initial).astype(np.int64)
    groups.to_parquet(folder / EVENT_GROUPS, index=False)
    return LinkReport(len(events), len(kinds), int(groups["initial_links"].sum()), links)


def _place(debtors: pd.DataFrame, source: LinkSource) -> tuple[FloatArray, _Placed]:
    """Lay a grid over the debtors' margins, and place each debtor on it."""
    z = _quantiles(debtors["pd_star"])
    low, high = (float(z.min()), float(z.max())) if len(z) else (0.0, 0.0)
    grid = np.linspace(low, max(high, low + 1e-6), GRID_POINTS)
    left = np.clip(np.searchsorted(grid, z, "right") - 1, 0, GRID_POINTS - 2)
    region = source.place(debtors["region"].to_numpy(str), "regions")
    industry = source.place(debtors["industry"].to_numpy(str), "industries")
    return grid, _Placed(
        keys=debtors["borrower_key"].to_numpy(object),
        cell=region * source.shape[1] + industry,
        left=left.astype(np.int64),
        weight=(z - grid[left]) / (grid[left + 1] - grid[left]),
    )


def _quantiles(margins: pd.Series) -> FloatArray:
    found = ndtri(margins.to_numpy(np.float64))
    clipped: FloatArray = np.clip(found, -FURTHEST, FURTHEST)
    return clipped


def _kinds(events: pd.DataFrame) -> tuple[pd.DataFrame, list[_Kind]]:
    """Sort events by cell and margin: the kind of each, and the kinds."""
    step = np.round(_quantiles(events["pd_star"]) / EVENT_STEP).astype(np.int64)
    marked = events[["event_id", "region", "industry"]].assign(step=step)
    named = marked.groupby(["region", "industry", "step"], sort=True)
    groups = marked[["event_id"]].assign(link_group=named.ngroup().astype(np.int64))
    first = marked.groupby(groups["link_group"], sort=True).first()
    kinds = [
        _Kind(int(number), row["region"], row["industry"], int(row["step"]))
        for number, row in zip(first.index, first.to_dict("records"), strict=True)
    ]
    return groups, kinds


def _linked(
    settings: Settings, found: EventLinks, placed: _Placed
) -> tuple[int, IntArray]:
    """Count the initial links of a kind of event, and find those above the thresholds."""
    least = settings.response_min_lift_probability
    possible = (found.probability_of_lift >= least).any(axis=-1).ravel()
    rows = np.flatnonzero(possible[placed.cell])
    rows = rows[placed.read(found, "probability_of_lift", rows) >= least]
    near = rows[placed.read(found, "link_lift", rows) >= settings.response_min_lift]
    index = placed.read(found, "joint_risk_index", near)
    return len(rows), near[index >= settings.response_index_threshold]


def _refuse_too_many(settings: Settings, links: int) -> None:
    if links > settings.response_max_links:
        raise ResponseError(
            f"there are more than {settings.response_max_links:,} links of events to "
            "debtors.",
            where="response_max_links",
            remedy="Raise response_min_lift or response_index_threshold, or "
            "response_max_links if the disk has 100 bytes for each. Nothing was written.",
        )


@contextmanager
def _writer(file: Path) -> Iterator[pq.ParquetWriter]:
    """Write a Parquet file whole or not at all."""
    fresh = file.with_suffix(".fresh")
    with pq.ParquetWriter(fresh, _SCHEMA, compression="zstd") as writer:
        yield writer
    fresh.replace(file)


def _table(
    link_group: int, rows: IntArray, found: EventLinks, placed: _Placed
) -> pa.Table:
    columns = {
        "link_group": np.full(len(rows), link_group, np.int64),
        "borrower_key": placed.keys[rows],
    }
    for name in NUMBERS:
        columns[name] = placed.read(found, name, rows)
    return pa.table(columns, schema=_SCHEMA)
