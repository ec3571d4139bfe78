"""From Parquet files into ``raw``: many files in one statement."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.connection import literal, quoted
from comove.contract import Table
from comove.landing.discovery import FoundFile
from comove.landing.header import Header, match_header
from comove.landing.raw_tables import (
    canonical_type,
    text_table,
    typed_table,
)
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
    try:
        columns, rows = _metadata(connection, found.path)
    except duckdb.Error as error:
        raise broken_parquet(found.name, error) from error
    header = match_header(found.name, [name for name, _ in columns], table)
    return PreparedParquet(
        found=found,
        header=header,
        columns=columns,
        rows=rows,
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
    for alike in shapes.values():
        # Rows keep the order of the file: they compress better so, and no slower
        # (measured on 20 million instalments: 149 MB against 170).
        connection.execute(_insert_alike(alike, table, folder), stamp.parameters)


def first_broken(
    connection: duckdb.DuckDBPyConnection, files: list[PreparedParquet]
) -> RefusedFileError | None:
    """Read files to their ends, one by one, to find the one that breaks."""
    for file in files:
        reading = _read_parquet([file.found.path])
        try:
            connection.sql(f"from {reading}").aggregate(
                "bit_xor(hash(columns(*)))"
            ).fetchall()
        except duckdb.Error as error:
            return broken_parquet(file.found.name, error)
    return None


def _insert_alike(alike: list[PreparedParquet], table: Table, folder: Path) -> str:
    first = alike[0]
    prefix = len(str(folder)) + 2
    return insert_statement(
        typed_table(table) if first.is_typed else text_table(table),
        table,
        first.header,
        values=_values(first, table),
        file=f"substr(filename, {prefix})",
        row="file_row_number + 1",
        origin=_read_parquet([file.found.path for file in alike]),
    )


def _read_parquet(paths: list[Path]) -> str:
    listed = ", ".join(literal(escaped_path(path)) for path in paths)
    return (
        f"read_parquet([{listed}], filename = true, file_row_number = true, "
        "hive_partitioning = false)"
    )


def _metadata(
    connection: duckdb.DuckDBPyConnection, path: Path
) -> tuple[tuple[tuple[str, str], ...], int]:
    file = literal(escaped_path(path))
    read = connection.sql(f"from read_parquet({file}, hive_partitioning = false)")
    columns = tuple(zip(read.columns, map(str, read.types), strict=True))
    counted = connection.sql(f"from parquet_file_metadata({file})").select("num_rows")
    return columns, int(counted.fetchall()[0][0])


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
