"""From Parquet files into ``raw``: many files in one statement."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.contract import Table
from comove.landing.discovery import FoundFile
from comove.landing.header import Header, match_header
from comove.landing.raw_tables import canonical_type, literal, quoted, text_table, typed_table
from comove.landing.refusal import RefusedFileError, broken_parquet, empty_file
from comove.landing.selection import Stamp, escaped_path, insert_statement

NESTED = ("STRUCT", "MAP", "UNION", "LIST", "VARIANT", "JSON")


@dataclass(frozen=True)
class PreparedParquet:
    """A Parquet file ready to be inserted.

    Parameters
    ----------
    found : FoundFile
        As found in the data folder.
    header : Header
        Its columns.
    columns : tuple of tuple of str
        Name and DuckDB type of each column, as in the file.
    rows : int
        By the file's own metadata.
    is_typed : bool
        Whether every contract column in it has the contract's type.
    """

    found: FoundFile
    header: Header
    columns: tuple[tuple[str, str], ...]
    rows: int
    is_typed: bool


def prepare_parquet(
    connection: duckdb.DuckDBPyConnection, found: FoundFile, table: Table
) -> PreparedParquet:
    """Read the metadata of a Parquet file.

    Raises
    ------
    RefusedFileError
        When it is empty or broken, or lacks a required column.
    """
    if found.size_bytes == 0:
        raise empty_file(found.name)
    path = literal(escaped_path(found.path))
    try:
        described = connection.execute(
            f"describe select * from read_parquet({path}, hive_partitioning = false)"
        ).fetchall()
        counted = connection.execute(
            f"select num_rows from parquet_file_metadata({path})"
        ).fetchall()
    except duckdb.Error as error:
        raise broken_parquet(found.name, error) from error
    columns = tuple((row[0], row[1]) for row in described)
    header = match_header(found.name, [name for name, _ in columns], table)
    return PreparedParquet(
        found=found,
        header=header,
        columns=columns,
        rows=int(counted[0][0]),
        is_typed=_has_contract_types(connection, header, columns, table),
    )


def insert_parquet(
    connection: duckdb.DuckDBPyConnection,
    files: list[PreparedParquet],
    table: Table,
    stamp: Stamp,
    folder: Path,
) -> None:
    """Insert Parquet files, those of one shape together.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, within a transaction.
    files : list of PreparedParquet
        Files of one entity.
    table : Table
        The entity.
    stamp : Stamp
        The batch.
    folder : Path
        The data folder, to which `_file` is relative.
    """
    shapes: dict[object, list[PreparedParquet]] = {}
    for file in files:
        shapes.setdefault((file.header, file.columns), []).append(file)
    # The row number comes from the file, so the order of insertion carries nothing.
    connection.execute("set preserve_insertion_order = false")
    try:
        for alike in shapes.values():
            statement = _insert_alike(alike, table, folder)
            connection.execute(statement, stamp.parameters)
    finally:
        connection.execute("reset preserve_insertion_order")


def first_broken(
    connection: duckdb.DuckDBPyConnection, files: list[PreparedParquet]
) -> RefusedFileError | None:
    """Read files to their ends, one by one, to find the one that breaks."""
    for file in files:
        path = literal(escaped_path(file.found.path))
        try:
            connection.execute(
                f"select bit_xor(hash(columns(*))) from read_parquet({path})"
            ).fetchall()
        except duckdb.Error as error:
            return broken_parquet(file.found.name, error)
    return None


def _insert_alike(alike: list[PreparedParquet], table: Table, folder: Path) -> str:
    first = alike[0]
    paths = ", ".join(literal(escaped_path(file.found.path)) for file in alike)
    prefix = len(str(folder)) + 2
    return insert_statement(
        typed_table(table) if first.is_typed else text_table(table),
        table,
        first.header,
        values=_values(first, table),
        file=f"substr(filename, {prefix})",
        row="file_row_number + 1",
        origin=f"""
            read_parquet(
                [{paths}], filename = true, file_row_number = true,
                hive_partitioning = false
            )
        """,
    )


def _values(file: PreparedParquet, table: Table) -> dict[str, str]:
    values = {}
    for name, (delivered, data_type) in zip(file.header.names, file.columns, strict=True):
        is_text = name in table.column_names and not file.is_typed
        values[name] = _as_text(delivered, data_type) if is_text else quoted(delivered)
    return values


def _as_text(column: str, data_type: str) -> str:
    is_nested = data_type.startswith(NESTED) or data_type.endswith("]")
    value = f"to_json({quoted(column)})" if is_nested else quoted(column)
    return f"cast({value} as varchar)"


def _has_contract_types(
    connection: duckdb.DuckDBPyConnection,
    header: Header,
    columns: tuple[tuple[str, str], ...],
    table: Table,
) -> bool:
    if not table.is_typed:
        return False
    delivered = {
        name: data_type
        for name, (_, data_type) in zip(header.names, columns, strict=True)
    }
    return all(
        delivered[column.name] == canonical_type(connection, column.data_type)
        for column in table.columns
        if column.name in delivered
    )
