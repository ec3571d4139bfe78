r"""The joint-risk index of every borrower, and how it changed within a month.

- joint probability: mean over posterior draws of P(event in month T + 1 | data to T), at
  the borrower's margin :math:`p^*`;
- index: joint probability over pd, the probability the conventional model gives;
- previous index: the same a month earlier, of the event in T by data to T - 1, with that
  month's pd and margin;
- change: index over previous index.

Each has its 5 % and 95 % quantiles over draws. An event that is certain or impossible to
both models (pd and margin both 0, or both 1) has the index 1: no factor moves it.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from comove.connection import duckdb_config, literal
from comove.errors import ComoveError
from comove.joint_risk.draws import Draws
from comove.joint_risk.index_table import (
    LIMIT,
    ChangeTable,
    IndexTable,
    LookedUp,
    cell_positions,
)
from comove.joint_risk.outlook import Outlook, look_ahead
from comove.joint_risk.student_t import normal_quantile
from comove.settings import Settings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Margin = Callable[[FloatArray], FloatArray]

BATCH_ROWS = 131_072
_RANGE_SQL = """
    select
        coalesce(min(pd) filter (where pd > 0), 0.5),
        coalesce(max(pd) filter (where pd < 1), 0.5),
        count(*) filter (where not coalesce(pd between 0 and 1, false))
    from read_parquet({file})
"""
_NOBODY_SQL = "(select null::varchar as borrower_key, null::double as pd)"
_ROWS_SQL = """
    select {kept}, now.pd, earlier.pd as pd_previous
    from read_parquet({now}) as now
    left join {earlier} as earlier using (borrower_key)
"""
_KEPT = ("borrower_key", "region", "industry", "exposure")
_NUMBERS = (
    "pd",
    "pd_star",
    "joint_probability",
    "probability_q05",
    "probability_q95",
    "joint_risk_index",
    "q05",
    "q95",
    "joint_risk_index_previous",
    "previous_q05",
    "previous_q95",
    "joint_risk_change",
    "change_q05",
    "change_q95",
    "probability_index_above_one",
)
SCHEMA = pa.schema(
    [
        ("borrower_key", pa.string()),
        ("month", pa.date32()),
        ("as_of_month", pa.date32()),
        ("region", pa.string()),
        ("industry", pa.string()),
        ("exposure", pa.float64()),
        *((name, pa.float64()) for name in _NUMBERS),
        ("model_version", pa.string()),
    ]
)


class JointIndexError(ComoveError):
    """Borrowers whose index cannot be worked out."""


@dataclass(frozen=True)
class Prediction:
    """What one month is predicted from.

    Parameters
    ----------
    draws : Draws
        Posterior of the data up to the month before.
    margin : callable
        Turns pd into the copula's margin pd*, knowing no later month.
    borrowers : Path
        Parquet file of who is at risk: borrower_key (once each), region, industry, pd,
        and exposure, which only the newer prediction needs.
    """

    draws: Draws
    margin: Margin
    borrowers: Path


@dataclass(frozen=True)
class IndexReport:
    """How many borrowers were written.

    Parameters
    ----------
    rows : int
        All.
    with_previous : int
        Those who were at risk the month before as well.
    """

    rows: int
    with_previous: int


@dataclass(frozen=True)
class IndexFacts:
    """What is the same in every row.

    Parameters
    ----------
    month : date
        Month predicted, first day.
    as_of_month : date
        Last month the posterior knows.
    model_version : str
        Of the posterior.
    """

    month: dt.date
    as_of_month: dt.date
    model_version: str


def write_index(
    settings: Settings,
    now: Prediction,
    previous: Prediction | None,
    facts: IndexFacts,
    target: Path,
) -> IndexReport:
    """Write the index of every borrower, batch by batch.

    Memory does not grow with the borrowers but for the keys of the previous month, which
    DuckDB joins, and spills to disk beyond its limit.

    Parameters
    ----------
    settings : Settings
        Limits of DuckDB; the seed pairs the draws of the two posteriors.
    now : Prediction
        Of the month ahead.
    previous : Prediction or None
        Of the month before it; None leaves previous index and change null.
    facts : IndexFacts
        Months and version, the same in every row.
    target : Path
        Parquet file to write (zstd, columns of `SCHEMA`); replaced whole or not at all.

    Returns
    -------
    IndexReport
        Counts.

    Raises
    ------
    JointIndexError
        When a borrower has no pd, or one outside of 0 to 1.
    """
    with duckdb.connect(config=duckdb_config(settings)) as connection:
        ranges = [
            _range(connection, prediction) for prediction in (now, previous) if prediction
        ]
        work = _Work.build(now, previous, ranges, settings.seed)
        return _write(_batches(connection, now, previous), work, facts, target)


def _range(
    connection: duckdb.DuckDBPyConnection, prediction: Prediction
) -> tuple[float, float]:
    """Find the range of normal quantiles of the margins; 0 and 1 need no grid."""
    file = literal(prediction.borrowers)
    low, high, bad = connection.sql(_RANGE_SQL.format(file=file)).fetchall()[0]
    if bad:
        raise JointIndexError(
            f"{bad:,} borrowers have no pd, or one outside of 0 to 1.",
            where=str(prediction.borrowers),
            remedy="Run the DAG `risk_model` for that month again.",
        )
    z = normal_quantile(prediction.margin(np.array([low, high], np.float64)))
    return float(max(z[0], -LIMIT)), float(min(z[1], LIMIT))


def _batches(
    connection: duckdb.DuckDBPyConnection, now: Prediction, previous: Prediction | None
) -> Iterator[pa.RecordBatch]:
    """Stream rows of this month, with the pd of the previous one (null if none)."""
    earlier = literal(previous.borrowers) if previous else None
    rows = connection.sql(
        _ROWS_SQL.format(
            kept=", ".join(f"now.{name}" for name in _KEPT),
            now=literal(now.borrowers),
            earlier=f"read_parquet({earlier})" if earlier else _NOBODY_SQL,
        )
    )
    yield from rows.to_arrow_reader(BATCH_ROWS)


@dataclass(frozen=True)
class _Work:
    """Everything a batch is looked up in."""

    margin: Margin
    outlook: Outlook
    table: IndexTable
    margin_previous: Margin | None
    outlook_previous: Outlook
    table_previous: IndexTable
    change: ChangeTable | None

    @classmethod
    def build(
        cls,
        now: Prediction,
        previous: Prediction | None,
        ranges: list[tuple[float, float]],
        seed: int,
    ) -> Self:
        outlook = look_ahead(now.draws)
        table = IndexTable.build(outlook, *ranges[0])
        if previous is None:
            return cls(now.margin, outlook, table, None, outlook, table, None)
        before = look_ahead(previous.draws)
        return cls(
            now.margin,
            outlook,
            table,
            previous.margin,
            before,
            IndexTable.build(before, *ranges[1]),
            ChangeTable.build(outlook, before, (ranges[0], ranges[1]), seed),
        )

    def columns(self, batch: pa.RecordBatch) -> dict[str, FloatArray]:
        """Work out every number of a batch."""
        pd = _numbers(batch, "pd")
        pd_star = self.margin(pd)
        z = normal_quantile(pd_star)
        cell = _cells(self.outlook, batch)
        found = self.table.look_up(cell, z, pd)
        index = _index(found, pd)
        told = {
            "pd": pd,
            "pd_star": pd_star,
            "joint_probability": found.probability,
            "probability_q05": found.q05,
            "probability_q95": found.q95,
            "joint_risk_index": index[0],
            "q05": index[1],
            "q95": index[2],
            "probability_index_above_one": found.above,
        }
        return told | self._changed(batch, cell, z, index[0])

    def _changed(
        self, batch: pa.RecordBatch, cell: IntArray, z: FloatArray, index: FloatArray
    ) -> dict[str, FloatArray]:
        if self.margin_previous is None or self.change is None:
            return {}
        pd = _numbers(batch, "pd_previous")
        at = np.flatnonzero(~np.isnan(pd))
        z_previous = np.full(len(pd), np.nan)
        z_previous[at] = normal_quantile(self.margin_previous(pd[at]))
        before = _cells(self.outlook_previous, batch)
        previous = _index(self.table_previous.look_up(before, z_previous, pd), pd)
        change = _ratio(index, previous[0])
        low, high = self.change.look_up(cell, z, z_previous)
        return {
            "joint_risk_index_previous": previous[0],
            "previous_q05": previous[1],
            "previous_q95": previous[2],
            "joint_risk_change": change,
            "change_q05": change * low,
            "change_q95": change * high,
        }


def _index(found: LookedUp, pd: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return _ratio(found.probability, pd), _ratio(found.q05, pd), _ratio(found.q95, pd)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Divide; 1 where both are 0, as nothing moves an impossible event."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: FloatArray = np.where((part == 0) & (whole == 0), 1.0, part / whole)
    return ratio


def _numbers(batch: pa.RecordBatch, name: str) -> FloatArray:
    column = batch.column(name).cast(pa.float64())
    return np.array(column.to_numpy(zero_copy_only=False), np.float64)


def _cells(outlook: Outlook, batch: pa.RecordBatch) -> IntArray:
    return cell_positions(
        outlook,
        place_column(outlook, batch.column("region"), "regions"),
        place_column(outlook, batch.column("industry"), "industries"),
    )


def place_column(outlook: Outlook, names: pa.Array, of: str) -> IntArray:
    """Find positions of groups named in an Arrow column, as `Outlook.place` does.

    Parameters
    ----------
    outlook : Outlook
        Whose groups.
    names : pyarrow.Array
        Strings; null is a group never seen.
    of : str
        ``regions`` or ``industries``.

    Returns
    -------
    ndarray of int
        Positions.
    """
    # Few names, many rows: look each name up once.
    coded = names.dictionary_encode(null_encoding="encode")
    different = [name or "" for name in coded.dictionary.to_pylist()]
    placed = outlook.place(np.array(different, str), of)
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return np.asarray(placed[codes], np.int64)


def _write(
    batches: Iterator[pa.RecordBatch], work: _Work, facts: IndexFacts, target: Path
) -> IndexReport:
    fresh = target.with_suffix(".fresh")
    rows = with_previous = 0
    with pq.ParquetWriter(fresh, SCHEMA, compression="zstd") as writer:
        for batch in batches:
            columns = work.columns(batch)
            writer.write_batch(_arranged(batch, columns, facts))
            rows += len(batch)
            with_previous += len(batch) - batch.column("pd_previous").null_count
    fresh.replace(target)
    return IndexReport(rows, with_previous)


def _arranged(
    batch: pa.RecordBatch, columns: dict[str, FloatArray], facts: IndexFacts
) -> pa.RecordBatch:
    told = asdict(facts)
    return pa.record_batch(
        [_column(batch, columns, told, field) for field in SCHEMA], schema=SCHEMA
    )


def _column(
    batch: pa.RecordBatch,
    columns: dict[str, FloatArray],
    told: dict[str, Any],
    field: pa.Field,
) -> pa.Array:
    if field.name in columns:
        # nan, of a borrower who was not at risk the month before, is written as null.
        return pa.array(columns[field.name], field.type, from_pandas=True)
    if field.name in _KEPT:
        return batch.column(field.name).cast(field.type)
    return pa.repeat(pa.scalar(told.get(field.name), field.type), len(batch))
