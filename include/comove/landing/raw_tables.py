"""Tables of schema ``raw``: what was delivered, column by column."""

import duckdb

from comove.connection import quoted
from comove.contract import Table
from comove.errors import WarehouseError

PROVENANCE = {
    "_extra": "varchar",
    "_file": "varchar",
    "_row": "bigint",
    "_landed_at": "timestamp",
    "_batch": "varchar",
}

_SPELLINGS: dict[str, str] = {}


def typed_table(table: Table) -> str:
    """Where files land whose column types are the contract's."""
    return f"raw.{table.raw_table}"


def text_table(table: Table) -> str:
    """Where everything else lands, as text."""
    return f"raw.{table.raw_table}__text" if table.is_typed else typed_table(table)


def ensure_raw_tables(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create the raw tables of one entity, or add the columns they lack.

    Raises
    ------
    WarehouseError
        When a column has another type than the contract says now.
    """
    types = {column.name: column.data_type for column in table.columns}
    _ensure(connection, typed_table(table), types)
    if table.is_typed:
        _ensure(connection, text_table(table), dict.fromkeys(types, "varchar"))


def _ensure(
    connection: duckdb.DuckDBPyConnection, name: str, types: dict[str, str]
) -> None:
    columns = {**types, **PROVENANCE}
    described = ", ".join(f"{quoted(c)} {data_type}" for c, data_type in columns.items())
    connection.execute(f"create table if not exists {name} ({described})")
    present = {
        row[0]: row[1] for row in connection.execute(f"describe {name}").fetchall()
    }
    for column, data_type in columns.items():
        if column not in present:
            connection.execute(
                f"alter table {name} add column {quoted(column)} {data_type}"
            )
        elif present[column] != canonical_type(connection, data_type):
            raise _changed_type(name, column, present[column], data_type)


def canonical_type(connection: duckdb.DuckDBPyConnection, data_type: str) -> str:
    """Write a SQL type in DuckDB's own spelling, such as ``DECIMAL(18,2)``."""
    # Asked for every column of every file, so answered once per type.
    if data_type not in _SPELLINGS:
        rows = connection.execute(f"select typeof(cast(null as {data_type}))").fetchall()
        _SPELLINGS[data_type] = str(rows[0][0])
    return _SPELLINGS[data_type]


def _changed_type(name: str, column: str, present: str, wanted: str) -> WarehouseError:
    return WarehouseError(
        f"column {column} is {present}, but the contract says {wanted} now.",
        where=name,
        remedy="Move the warehouse file away and run with a full refresh; the lender's "
        "files are read again.",
    )
