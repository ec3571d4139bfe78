"""Profiles: what one pass in SQL over a table tells about it and its columns."""

# SQL is composed of names from the contract, the catalogue and the suite.
# ruff: noqa: S608

from dataclasses import dataclass, field
from typing import Any

import duckdb
import pandas as pd

from comove.connection import literal, quoted
from comove.quality.catalogue import Columns, is_number, is_text
from comove.quality.shift import stability_index

# Quantiles, bins and the commonest categories come from about this many rows.
SAMPLE_ROWS = 100_000
# Larger tables have their keys checked on one key in `KEY_SHARE` (all its rows).
ALL_KEYS_ROWS = 2_000_000
KEY_SHARE = 8
CATEGORIES = 20
QUANTILES = (0.05, 0.5, 0.95)
BINS = tuple(step / 10 for step in range(1, 10))

COLUMN_METRICS = (
    "null_share",
    "distinct_values",
    "minimum",
    "maximum",
    "mean",
    "negative_share",
    "zero_share",
    "unknown_share",
    "q05",
    "median",
    "q95",
    "psi",
)


@dataclass(frozen=True)
class Comparison:
    """Rows of a relation, in two groups.

    Parameters
    ----------
    relation : str
        Table both groups are in.
    columns : dict of str to str
        Columns to compare, with their types.
    now, before : str
        SQL conditions of the groups.
    """

    relation: str
    columns: Columns
    now: str
    before: str


@dataclass(frozen=True)
class Subject:
    """A table to profile.

    Parameters
    ----------
    name, relation : str
        Name in the suite, and ``schema.table``.
    columns : dict of str to str
        Column → type.
    key : tuple of str
        Columns that should name a row.
    measures : dict of str to str
        Further SQL aggregates by name.
    comparison : Comparison or None
        Groups whose distributions are compared.
    """

    name: str
    relation: str
    columns: Columns
    key: tuple[str, ...]
    measures: dict[str, str] = field(default_factory=dict)
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Profile:
    """Figures of a table.

    Parameters
    ----------
    rows : int
        How many rows it has.
    duplicate_keys : int
        Rows beyond the first of their key, among the keys looked at.
    measures : dict of str to object
        The subject's own measures.
    columns : DataFrame
        A row per column: ``column_name``, ``data_type`` and `COLUMN_METRICS`.
    """

    rows: int
    duplicate_keys: int
    measures: dict[str, Any]
    columns: pd.DataFrame


def profile(connection: duckdb.DuckDBPyConnection, subject: Subject) -> Profile:
    """Profile a table.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    subject : Subject
        What to profile.

    Returns
    -------
    Profile
        Counts and means over all rows; quantiles, and the bins of the stability
        index, from a sample of about `SAMPLE_ROWS` rows; distinct values approximate.
    """
    rows = _number(connection, f"select count(*) from {subject.relation}")
    if not rows:
        return Profile(0, 0, dict.fromkeys(subject.measures), _no_columns())
    columns = _column_figures(connection, subject)
    for name, (low, median, high) in _quantiles(connection, subject, rows).items():
        columns[name] |= {"q05": low, "median": median, "q95": high}
    for name, index in _shifts(connection, subject).items():
        if name in columns:
            columns[name]["psi"] = index
    return Profile(
        rows=rows,
        duplicate_keys=_duplicate_keys(connection, subject, rows),
        measures=_measures(connection, subject),
        columns=_column_frame(columns),
    )


def _no_columns() -> pd.DataFrame:
    return pd.DataFrame(columns=["column_name", "data_type", *COLUMN_METRICS])


def _column_frame(columns: dict[str, dict[str, Any]]) -> pd.DataFrame:
    rows = [{"column_name": name, **figures} for name, figures in columns.items()]
    frame = pd.DataFrame(rows).reindex(columns=_no_columns().columns)
    return frame.astype(dict.fromkeys(COLUMN_METRICS, "float64"))


def _column_figures(
    connection: duckdb.DuckDBPyConnection, subject: Subject
) -> dict[str, dict[str, Any]]:
    terms = {
        (name, metric): sql
        for name, data_type in subject.columns.items()
        for metric, sql in _metrics(quoted(name), data_type).items()
    }
    found = _one_row(connection, list(terms.values()), subject.relation)
    columns: dict[str, dict[str, Any]] = {
        name: {"data_type": data_type} for name, data_type in subject.columns.items()
    }
    for (name, metric), value in zip(terms, found, strict=True):
        columns[name][metric] = value
    return columns


def _metrics(column: str, data_type: str) -> dict[str, str]:
    metrics = {"null_share": f"1 - count({column}) / count(*)"}
    if column.endswith('_key"'):
        return metrics
    metrics["distinct_values"] = f"approx_count_distinct({column})"
    if is_number(data_type):
        metrics |= {
            "minimum": f"min({column})::double",
            "maximum": f"max({column})::double",
            "mean": f"avg({column})::double",
            "negative_share": f"count(*) filter ({column} < 0) / count(*)",
            "zero_share": f"count(*) filter ({column} = 0) / count(*)",
        }
    if is_text(data_type):
        metrics["unknown_share"] = f"count(*) filter ({column} = 'unknown') / count(*)"
    if data_type == "BOOLEAN":
        metrics["mean"] = f"avg({column}::integer)::double"
    return metrics


def _measures(connection: duckdb.DuckDBPyConnection, subject: Subject) -> dict[str, Any]:
    if not subject.measures:
        return {}
    found = _one_row(connection, list(subject.measures.values()), subject.relation)
    return dict(zip(subject.measures, found, strict=True))


def _duplicate_keys(
    connection: duckdb.DuckDBPyConnection, subject: Subject, rows: int
) -> int:
    key = ", ".join(map(quoted, subject.key))
    kept = "true"
    if rows > ALL_KEYS_ROWS:
        kept = f"hash({quoted(subject.key[0])}) % {KEY_SHARE} = 0"
    return _number(
        connection,
        f"select count(*) - count(distinct hash({key})) from {subject.relation} "
        f"where {kept}",
    )


def _quantiles(
    connection: duckdb.DuckDBPyConnection, subject: Subject, rows: int
) -> dict[str, list[float]]:
    numbers = [name for name, kind in subject.columns.items() if is_number(kind)]
    if not numbers:
        return {}
    terms = [f"quantile_cont({quoted(n)}::double, {list(QUANTILES)})" for n in numbers]
    kept = _sampled(f"hash({', '.join(map(quoted, subject.key))})", rows)
    found = _one_row(connection, terms, f"{subject.relation} where {kept}")
    nothing = [float("nan")] * len(QUANTILES)
    return {name: v or nothing for name, v in zip(numbers, found, strict=True)}


def _sampled(hashed: str, rows: int) -> str:
    step = max(1, rows // SAMPLE_ROWS)
    return "true" if step == 1 else f"{hashed} % {step} = 0"


def _shifts(connection: duckdb.DuckDBPyConnection, subject: Subject) -> dict[str, float]:
    compared = subject.comparison
    if compared is None or not compared.columns:
        return {}
    cells = _cells(connection, compared, subject.key)
    if not cells:
        return {}
    terms = [
        f"{cell} filter ({group})"
        for cell in cells.values()
        for group in ("is_now", "is_before")
    ]
    spread = ", ".join(map(quoted, compared.columns))
    grouped = (
        f"(select {spread}, ({compared.now}) as is_now, ({compared.before}) as is_before "
        f"from {compared.relation}) as grouped where is_now or is_before"
    )
    found = iter(_one_row(connection, terms, grouped))
    return {name: _index(next(found), next(found)) for name in cells}


def _cells(
    connection: duckdb.DuckDBPyConnection, compared: Comparison, key: tuple[str, ...]
) -> dict[str, str]:
    """Histogram aggregate per column, its cells taken from the reference group."""
    before = f"{compared.relation} where ({compared.before})"
    rows = _number(connection, f"select count(*) from {before}")
    terms = [_cells_sought(quoted(n), kind) for n, kind in compared.columns.items()]
    kept = _sampled(f"hash({', '.join(map(quoted, key))})", rows)
    found = _one_row(connection, terms, f"{before} and {kept}")
    return {
        name: _histogram(quoted(name), kind, cells)
        for (name, kind), cells in zip(compared.columns.items(), found, strict=True)
        if cells
    }


def _cells_sought(column: str, data_type: str) -> str:
    if is_number(data_type):
        return f"quantile_disc({column}::double, {list(BINS)})"
    return f"approx_top_k({column}::varchar, {CATEGORIES})"


def _histogram(column: str, data_type: str, cells: list[Any]) -> str:
    if is_number(data_type):
        bounds = ", ".join(f"{bound!r}" for bound in sorted(set(cells)))
        return f"histogram({column}::double, [{bounds}]::double[])"
    values = ", ".join(literal(value) for value in cells if value is not None)
    return f"histogram_exact({column}::varchar, [{values}]::varchar[])"


def _index(now: dict[Any, int] | None, before: dict[Any, int] | None) -> float:
    cells = sorted({*(now or {}), *(before or {})}, key=str)
    return stability_index(
        [(now or {}).get(cell, 0) for cell in cells],
        [(before or {}).get(cell, 0) for cell in cells],
    )


def _one_row(
    connection: duckdb.DuckDBPyConnection, terms: list[str], source: str
) -> tuple[Any, ...]:
    row = connection.execute(f"select {', '.join(terms)} from {source}").fetchone()
    return row or ()


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
