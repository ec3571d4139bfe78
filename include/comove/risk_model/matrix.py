"""Feature matrices from DuckDB: whole, in batches, or straight into xgboost.

Every cast is done by DuckDB, so that Arrow hands over columns of 32-bit floats without
nulls and Python only lays them side by side.
"""

# ruff: noqa: S608 - SQL of relations and columns that the catalogue or the caller names

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa
import xgboost as xgb
from numpy.typing import NDArray

from comove.connection import literal, quoted
from comove.errors import ModelError
from comove.risk_model.features import Feature

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]

# Large enough for xgboost to share among threads, small enough to be forgotten:
# 40 features of 131,072 rows are 20 MiB.
ROWS_PER_BATCH = 131_072

_FLOATS = {"float", "double"}
_NUMBERS = _FLOATS | {
    *("boolean", "decimal", "hugeint", "uhugeint"),
    *("tinyint", "smallint", "integer", "bigint"),
    *("utinyint", "usmallint", "uinteger", "ubigint"),
    # The type of a bare `null`.
    *("null", "sqlnull", '"null"'),
}


@dataclass(frozen=True)
class Encoding:
    """How features become floats.

    Parameters
    ----------
    features : tuple of Feature
        In the order of the matrix's columns.
    categories : dict of str to tuple of str
        By feature of kind ``category``, the values seen in training, sorted; the code of
        a value is its place. Anything else, null too, is missing.
    """

    features: tuple[Feature, ...]
    categories: dict[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def types(self) -> list[str]:
        """Kinds of the features as xgboost writes them: ``c`` or ``q``."""
        return ["c" if feature.kind == "category" else "q" for feature in self.features]

    def to_json(self) -> dict[str, Any]:
        """Give it as what JSON can hold."""
        return {
            "features": [asdict(feature) for feature in self.features],
            "categories": {name: list(seen) for name, seen in self.categories.items()},
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(
            tuple(Feature(**feature) for feature in told["features"]),
            {name: tuple(seen) for name, seen in told["categories"].items()},
        )


@dataclass(frozen=True)
class Matrix:
    """All rows of a relation.

    Parameters
    ----------
    x : ndarray of float32, shape (n, k), C order
        Features; NaN is missing.
    y : ndarray of float64, shape (n,), or None
        1, 0, or NaN where the label is null; None where no label was asked for.
    infinite : dict of str to int
        By feature, how many values were infinite, or too large for 32 bits; they are
        missing in `x`. Features without any are left out.
    """

    x: FeatureMatrix
    y: FloatArray | None
    infinite: dict[str, int]


@dataclass(frozen=True)
class Batch:
    """Some rows of a relation.

    Parameters
    ----------
    keys : pyarrow.Table, n rows
        The key columns, as DuckDB has them.
    x, y
        As in `Matrix`.
    """

    keys: pa.Table
    x: FeatureMatrix
    y: FloatArray | None


def learn_encoding(
    connection: duckdb.DuckDBPyConnection, relation: str, features: Sequence[Feature]
) -> Encoding:
    """Find the categories of the training rows.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the relation can be read.
    relation : str
        SQL text of a select.
    features : sequence of Feature
        None is dropped, not even one that is missing everywhere.

    Returns
    -------
    Encoding

    Raises
    ------
    ModelError
        Where a feature is no column of the relation, or is a number by its description
        and of another type in it.
    """
    _checked_types(connection, relation, features)
    names = [feature.name for feature in features if feature.kind == "category"]
    if not names:
        return Encoding(tuple(features), {})
    values = ", ".join(
        f"list(distinct {text}) filter ({text} is not null)"
        for text in (f"{quoted(name)}::varchar" for name in names)
    )
    found = connection.execute(f"select {values} from ({relation})").fetchall()[0]
    seen = {n: tuple(sorted(v or ())) for n, v in zip(names, found, strict=True)}
    return Encoding(tuple(features), seen)


def read_matrix(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    encoding: Encoding,
    *,
    label: str | None,
) -> Matrix:
    """Read all rows into one array, in the order the relation gives them.

    Rows are counted first and the array is filled batch by batch, so that the features
    stand in memory once.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the relation can be read.
    relation : str
        SQL text of a select that gives the same rows each time.
    encoding : Encoding
        Features, and codes of the categories.
    label : str or None
        Column of booleans, or of 0 and 1; may be null.

    Returns
    -------
    Matrix

    Raises
    ------
    ModelError
        Where a column is missing or of a wrong type, or a label is neither 0 nor 1.
    """
    types = _checked_types(connection, relation, encoding.features, label=label)
    rows, infinite = _counted(connection, relation, encoding, types)
    x = np.empty((rows, len(encoding.features)), np.float32)
    y = np.empty(rows, np.float64)
    stop = 0
    for batch in _stream(connection, _select(relation, encoding, label)):
        start, stop = stop, stop + batch.num_rows
        if stop > rows:
            break
        _fill(x[start:stop], y[start:stop], batch)
    if stop != rows:
        raise _unsteady(f"{rows:,} rows were counted and {stop:,} or more came.")
    return Matrix(x, _checked_labels(y, label) if label else None, infinite)


def read_batches(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    encoding: Encoding,
    *,
    keys: Sequence[str],
    label: str | None = None,
    rows_per_batch: int = ROWS_PER_BATCH,
) -> Iterator[Batch]:
    """Read rows with their keys, a batch at a time.

    The rows come through a cursor of their own, so that `connection` may write between
    batches; for the same reason temporary tables, registered frames and what is not
    committed cannot be read.

    Parameters
    ----------
    connection, relation, encoding, label
        As for `read_matrix`.
    keys : sequence of str
        Columns to hand over as they are.
    rows_per_batch : int
        Rows of each batch; the last may have fewer.

    Yields
    ------
    Batch

    Raises
    ------
    ModelError
        As `read_matrix`.
    """
    cursor = connection.cursor()
    try:
        _checked_types(cursor, relation, encoding.features, label=label, others=keys)
        select = _select(relation, encoding, label, keys)
        for parts in _rebatched(_stream(cursor, select), rows_per_batch):
            x, y = _joined(parts, len(encoding.features))
            table = pa.Table.from_batches(parts)
            yield Batch(
                table.select(range(x.shape[1] + 1, table.num_columns)),
                x,
                _checked_labels(y, label) if label else None,
            )
    finally:
        cursor.close()


def quantile_matrix(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    encoding: Encoding,
    label: str,
    max_bin: int = 256,
    ref: xgb.QuantileDMatrix | None = None,
    *,
    threads: int | None = None,
) -> xgb.QuantileDMatrix:
    """Bin the features for xgboost's ``hist`` straight from DuckDB.

    xgboost reads the rows five times and keeps only the number of each value's bin, so
    the floats never stand in memory together.

    Parameters
    ----------
    connection, relation, encoding
        As for `read_matrix`. The rows must come in the same order each time; they do
        from tables and Parquet files while `preserve_insertion_order` is on (DuckDB's
        default). After a join or an aggregate, add ``order by``.
    label : str
        Column of booleans, or of 0 and 1; never null.
    max_bin : int
        Bins per feature at most; training must be given the same number.
    ref : xgboost.QuantileDMatrix, optional
        Take the bins from it: for validation rows, its training matrix.
    threads : int, optional
        For xgboost; all by default.

    Returns
    -------
    xgboost.QuantileDMatrix
        Equal to one made of the arrays of `read_matrix`.

    Raises
    ------
    ModelError
        As `read_matrix`; also where a label is null, where there are no rows, and where
        the order of rows changed from one reading to the next.
    """
    _checked_types(connection, relation, encoding.features, label=label)
    rows = _Rows(connection, _select(relation, encoding, label), encoding, label)
    try:
        return xgb.QuantileDMatrix(
            rows, max_bin=max_bin, ref=ref, nthread=threads, enable_categorical=True
        )
    finally:
        rows.close()


def score_batches(
    booster: xgb.Booster, batches: Iterator[Batch]
) -> Iterator[tuple[pa.Table, FloatArray]]:
    """Score rows as they come.

    Parameters
    ----------
    booster : xgboost.Booster
        Trained on matrices of the same encoding.
    batches : iterator of Batch
        From `read_batches`.

    Yields
    ------
    tuple of pyarrow.Table and ndarray of float64, shape (n,)
        Keys, and log-odds of the event.
    """
    for batch in batches:
        # The values are predicted in place: no DMatrix is made of them.
        margin = booster.inplace_predict(batch.x, predict_type="margin")
        yield batch.keys, np.asarray(margin, np.float64)


class _Rows(xgb.DataIter):
    """Batches of rows, which xgboost asks for several times over."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        select: str,
        encoding: Encoding,
        label: str,
    ) -> None:
        super().__init__()
        self._connection = connection
        self._select = select
        self._encoding = encoding
        self._label = label
        self._parts: Iterator[list[pa.RecordBatch]] = iter(())
        self._checksum = 0
        self._checksum_before: int | None = None
        self._read_any = False

    def reset(self) -> None:
        """Begin again from the first row."""
        self.close()
        self._parts = _rebatched(_stream(self._connection, self._select), ROWS_PER_BATCH)
        self._checksum = 0

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand the next batch to xgboost; tell whether there was one."""
        parts = next(self._parts, None)
        if parts is None:
            self._check_end()
            return False
        self._read_any = True
        x, y = _joined(parts, len(self._encoding.features))
        self._checksum = zlib.crc32(y.data, zlib.crc32(x.data, self._checksum))
        input_data(
            data=x,
            label=_never_null(_checked_labels(y, self._label), self._label),
            feature_names=list(self._encoding.names),
            feature_types=self._encoding.types,
        )
        return True

    def close(self) -> None:
        """Free the connection of what is left of a reading."""
        self._parts = iter(())

    def _check_end(self) -> None:
        if not self._read_any:
            raise ModelError(
                "there are no rows to learn from.",
                where="feature matrix",
                remedy="Give more months, or check that the features have been built.",
            )
        # xgboost takes labels from one reading and features from another: rows in
        # another order would be given each other's labels without a word.
        if self._checksum_before is None:
            self._checksum_before = self._checksum
        if self._checksum != self._checksum_before:
            raise _unsteady("the rows came in another order the second time.")


def _checked_types(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    features: Sequence[Feature],
    *,
    label: str | None = None,
    others: Sequence[str] = (),
) -> dict[str, str]:
    described = connection.sql(relation)
    types = {
        name: str(kind.id)
        for name, kind in zip(described.columns, described.types, strict=True)
    }
    numbers = [feature.name for feature in features if feature.kind == "number"]
    numbers += [label] if label else []
    names = [*(feature.name for feature in features), *numbers, *others]
    if missing := [name for name in dict.fromkeys(names) if name not in types]:
        raise ModelError(
            f"there is no column {_listed(missing)}.",
            where="feature matrix",
            remedy="Build the features again, or train on the columns there are.",
        )
    for name in numbers:
        if types[name] not in _NUMBERS:
            raise ModelError(
                f"{name} is described as a number and is of type {types[name]}.",
                where="feature matrix",
                remedy="Cast it in the feature's dbt model, or call it a category.",
            )
    return types


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _counted(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    encoding: Encoding,
    types: dict[str, str],
) -> tuple[int, dict[str, int]]:
    """Rows, and by feature the values 32 bits cannot hold."""
    floats = [f.name for f in encoding.features if types[f.name] in _FLOATS]
    counts = "".join(
        f", count_if({value} is not null and not isnan({value})"
        f" and not coalesce(isfinite(try_cast({value} as float)), false))"
        for value in map(quoted, floats)
    )
    found = connection.execute(f"select count(*){counts} from ({relation})").fetchall()[0]
    named = zip(floats, found[1:], strict=True)
    return int(found[0]), {name: int(count) for name, count in named if count}


def _select(
    relation: str, encoding: Encoding, label: str | None, keys: Sequence[str] = ()
) -> str:
    """Features as floats without nulls, then the label, then the keys."""
    columns = [
        *(_coded(feature, encoding) for feature in encoding.features),
        f"{_float(label)} as label" if label else "null::float as label",
        *map(quoted, keys),
    ]
    return f"select {', '.join(columns)} from ({relation})"


def _coded(feature: Feature, encoding: Encoding) -> str:
    if feature.kind == "number":
        return _float(feature.name)
    values = encoding.categories[feature.name]
    if not values:
        return "'nan'::float"
    listed = ", ".join(literal(value) for value in values)
    # An enum is looked up by hash and counts its values from 0 in the order given.
    code = f"enum_code(try_cast({quoted(feature.name)}::varchar as enum({listed})))"
    return f"coalesce({code}::float, 'nan'::float)"


def _float(column: str) -> str:
    value = f"try_cast({quoted(column)} as float)"
    return f"case when isfinite({value}) then {value} else 'nan'::float end"


def _stream(
    connection: duckdb.DuckDBPyConnection, select: str
) -> Iterator[pa.RecordBatch]:
    """Rows as DuckDB computes them; the connection is busy until this is closed."""
    # `execute` would hold the whole result first.
    reader = connection.sql(select).to_arrow_reader(ROWS_PER_BATCH)
    try:
        yield from reader
    finally:
        reader.close()


def _rebatched(
    batches: Iterator[pa.RecordBatch], rows: int
) -> Iterator[list[pa.RecordBatch]]:
    """Parts of so many rows together: DuckDB's own batches end where it stores them."""
    parts: list[pa.RecordBatch] = []
    lacking = rows
    for batch in batches:
        rest = batch
        while rest.num_rows:
            part = rest.slice(0, lacking)
            rest = rest.slice(part.num_rows)
            parts.append(part)
            lacking -= part.num_rows
            if not lacking:
                yield parts
                parts, lacking = [], rows
    if parts:
        yield parts


def _joined(
    parts: list[pa.RecordBatch], features: int
) -> tuple[FeatureMatrix, FloatArray]:
    rows = sum(part.num_rows for part in parts)
    x, y = np.empty((rows, features), np.float32), np.empty(rows, np.float64)
    stop = 0
    for part in parts:
        start, stop = stop, stop + part.num_rows
        _fill(x[start:stop], y[start:stop], part)
    return x, y


def _fill(x: FeatureMatrix, y: FloatArray, batch: pa.RecordBatch) -> None:
    for place in range(x.shape[1]):
        x[:, place] = batch.column(place).to_numpy()
    y[:] = batch.column(x.shape[1]).to_numpy(zero_copy_only=False)


def _checked_labels(y: FloatArray, label: str | None) -> FloatArray:
    wrong = y[~((y == 0) | (y == 1) | np.isnan(y))]
    if len(wrong):
        raise ModelError(
            f"{len(wrong):,} labels are neither 0 nor 1, the first is {wrong[0]:g}.",
            where=f"column {label}",
            remedy="Give a boolean column: true where the event happened.",
        )
    return y


def _never_null(y: FloatArray, label: str) -> FloatArray:
    if np.isnan(y).any():
        raise ModelError(
            "some rows have no label.",
            where=f"column {label}",
            remedy=f"Leave out the rows where {label} is null: they teach nothing.",
        )
    return y


def _unsteady(found: str) -> ModelError:
    return ModelError(
        found,
        where="feature matrix",
        remedy="Select the same rows in the same order each time: no random sample, "
        "`order by` a key, or `set preserve_insertion_order = true`.",
    )
