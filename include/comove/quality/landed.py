"""Profile of landed files: presence, types and fill of every delivered column."""

# SQL is composed of names from the contract, the catalogue and the suite.
# ruff: noqa: S608

from dataclasses import dataclass

import duckdb
import pandas as pd

from comove.connection import quoted
from comove.contract import Column, Table
from comove.quality.catalogue import Columns

TABLE_MEASURES = (
    "table_name",
    "rows",
    "rows_in_last_batch",
    "rows_before",
    "times_earlier_rows",
    "rows_delivered",
    "rows_missing",
    "batches",
    "missing_columns",
    "wrong_types",
)
COLUMN_MEASURES = (
    "table_name",
    "column_name",
    "null_share",
    "null_share_if_required",
    "null_share_in_last_batch",
    "null_share_before",
    "null_share_change",
)

# Names DuckDB's catalogue gives to types the contract may write otherwise.
TYPE_NAMES = {"int": "integer", "text": "varchar", "string": "varchar", "bool": "boolean"}


@dataclass(frozen=True)
class LandedTable:
    """A delivered table and the relations its rows were landed in.

    Parameters
    ----------
    table : Table
        As the contract describes it.
    relations : dict of str to dict of str to str
        ``raw.…`` → column → type; two where the contract gives types.
    """

    table: Table
    relations: dict[str, Columns]

    @property
    def missing_columns(self) -> int:
        """Contract columns that at least one relation lacks."""
        return sum(
            any(name not in columns for columns in self.relations.values())
            for name in self.table.column_names
        )

    @property
    def wrong_types(self) -> int:
        """Contract columns whose type in the typed relation is another."""
        typed = self.relations.get(f"raw.{self.table.raw_table}", {})
        return sum(
            column.name in typed
            and _plain(typed[column.name]) != _plain(column.data_type)
            for column in self.table.columns
        )


def landed_tables(
    tables: tuple[Table, ...], catalogue: dict[str, Columns]
) -> list[LandedTable]:
    """Delivered tables of a source with the relations that exist."""
    found = []
    for table in tables:
        names = (f"raw.{table.raw_table}", f"raw.{table.raw_table}__text")
        relations = {name: catalogue[name] for name in names if name in catalogue}
        if relations:
            found.append(LandedTable(table, relations))
    return found


def profile_landed(
    connection: duckdb.DuckDBPyConnection,
    landed: list[LandedTable],
    delivered: dict[str, int],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Profile all delivered tables, each in one pass.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    landed : list of LandedTable
        What to profile.
    delivered : dict of str to int
        Readable rows of each entity's files, as landing recorded them.

    Returns
    -------
    tables : DataFrame
        A row per table that has rows, with `TABLE_MEASURES`.
    columns : DataFrame
        A row per column of those, with `COLUMN_MEASURES`; the last batch is the one
        landed last, and what compares with it is empty for a first delivery.
    """
    tables: list[dict[str, object]] = []
    columns: list[dict[str, object]] = []
    for one in landed:
        counts = _counts(connection, one)
        if counts["rows"]:
            tables.append(_table_row(one, counts, delivered.get(one.table.name, 0)))
            columns += _column_rows(one, counts)
    return (
        pd.DataFrame(tables, columns=list(TABLE_MEASURES)),
        pd.DataFrame(columns, columns=list(COLUMN_MEASURES)),
    )


def _counts(connection: duckdb.DuckDBPyConnection, one: LandedTable) -> dict[str, int]:
    names = one.table.column_names
    filled = "".join(
        f"count(*) filter ({quoted(n)}) as {quoted('all ' + n)}, "
        f"count(*) filter ({quoted(n)} and is_last) as {quoted('last ' + n)}, "
        for n in names
    )
    parts = " union all ".join(
        _presence(relation, columns, names) for relation, columns in one.relations.items()
    )
    newest = " union all ".join(f"select _landed_at from {r}" for r in one.relations)
    cursor = connection.execute(
        f"""
        with newest as (select max(_landed_at) as landed_at from ({newest}))
        select {filled} count(*) as rows, count(distinct _landed_at) as batches,
            count(*) filter (is_last) as last_rows
        from (
            select parts.*, parts._landed_at = newest.landed_at as is_last
            from ({parts}) as parts cross join newest
        )
        """
    )
    values = cursor.fetchone() or ()
    return {d[0]: int(v) for d, v in zip(cursor.description or [], values, strict=True)}


def _presence(relation: str, columns: Columns, names: tuple[str, ...]) -> str:
    """Select whether each contract column of each row holds anything."""
    terms = [f"{_is_filled(name, columns)} as {quoted(name)}" for name in names]
    return f"select {', '.join(terms)}, _landed_at from {relation}"


def _is_filled(name: str, columns: Columns) -> str:
    if name not in columns:
        return "false"
    if columns[name] == "VARCHAR":
        return f"coalesce(trim({quoted(name)}) <> '', false)"
    return f"{quoted(name)} is not null"


def _table_row(
    one: LandedTable, counts: dict[str, int], delivered: int
) -> dict[str, object]:
    before = counts["rows"] - counts["last_rows"]
    return {
        "table_name": one.table.name,
        "rows": counts["rows"],
        "rows_in_last_batch": counts["last_rows"],
        "rows_before": before or None,
        "times_earlier_rows": counts["last_rows"] / before if before else None,
        "rows_delivered": delivered,
        "rows_missing": delivered - counts["rows"],
        "batches": counts["batches"],
        "missing_columns": one.missing_columns,
        "wrong_types": one.wrong_types,
    }


def _column_rows(one: LandedTable, counts: dict[str, int]) -> list[dict[str, object]]:
    return [
        {
            "table_name": one.table.name,
            "column_name": column.name,
            **_null_shares(column, counts),
        }
        for column in one.table.columns
    ]


def _null_shares(column: Column, counts: dict[str, int]) -> dict[str, float | None]:
    rows, last = counts["rows"], counts["last_rows"]
    filled, filled_last = counts[f"all {column.name}"], counts[f"last {column.name}"]
    share, share_last = 1 - filled / rows, 1 - filled_last / last
    before = 1 - (filled - filled_last) / (rows - last) if rows > last else None
    return {
        "null_share": share,
        "null_share_if_required": share if column.is_required else None,
        "null_share_in_last_batch": share_last,
        "null_share_before": before,
        "null_share_change": None if before is None else share_last - before,
    }


def _plain(data_type: str) -> str:
    plain = data_type.lower().replace(" ", "")
    return TYPE_NAMES.get(plain, plain)
