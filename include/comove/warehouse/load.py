"""Loading a Parquet file of a run into its table: checked before, replaced by month."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from comove.connection import literal
from comove.errors import WarehouseError

Months = Mapping[str, dt.date]


class LoadError(WarehouseError):
    """A stage handed on something the warehouse must not hold."""


@dataclass(frozen=True)
class Load:
    """One Parquet file of a run and the table it is for.

    Parameters
    ----------
    file, table : str
        Where from, and where to (``schema.table``).
    key : tuple of str
        Columns no two rows share.
    replaced : str
        Condition on the rows of the table that the file replaces; may name the months of
        the run, as ``$last``.
    faults : mapping of str to str
        By a name in words, a condition on rows that must not be; may name months too.
    left_out : str
        Condition on rows of the file that stay out, once those replaced are gone.
    """

    file: str
    table: str
    key: tuple[str, ...]
    replaced: str
    faults: Mapping[str, str] = field(default_factory=dict)
    left_out: str = "false"


def check_load(
    connection: duckdb.DuckDBPyConnection, folder: Path, load: Load, months: Months
) -> int:
    """Count the rows of a file, refusing what its table must not hold.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with the table.
    folder : Path
        Of the run's files.
    load : Load
        File and table.
    months : mapping of str to date
        Months of the run by the names its conditions use.

    Returns
    -------
    int
        Rows of the file.

    Raises
    ------
    LoadError
        Naming the file and what is wrong in it.
    """
    file = folder / load.file
    _check_columns(connection, file, load.table)
    # Columns the file may leave out are null, as they will be in the table.
    source = f"""(
        from {load.table} where false
        union all by name from read_parquet({literal(file)})
    )"""
    for fault, condition in load.faults.items():
        _reject(connection, file, source, condition, fault, months)
    key = ", ".join(load.key)
    counts = connection.execute(
        f"select count(*), count(distinct ({key})) from {source}"  # noqa: S608 - names of ours
    ).fetchone()
    rows, distinct = counts or (0, 0)
    if rows != distinct:
        raise faulty(file, f"{rows - distinct:,} rows that repeat {key} of another")
    return int(rows)


def replace_rows(
    connection: duckdb.DuckDBPyConnection, folder: Path, load: Load, months: Months
) -> None:
    """Put the rows of a file in place of those it replaces.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction of the caller's.
    folder : Path
        Of the run's files.
    load : Load
        File and table, checked before.
    months : mapping of str to date
        As of `check_load`.
    """
    connection.execute(
        f"delete from {load.table} where {load.replaced}",  # noqa: S608 - SQL of ours
        _named(load.replaced, months),
    )
    source = f"read_parquet({literal(folder / load.file)})"
    connection.execute(
        f"""
        insert into {load.table} by name
        select * from {source} where not ({load.left_out})
        """  # noqa: S608 - SQL of ours
    )


def _check_columns(connection: duckdb.DuckDBPyConnection, file: Path, table: str) -> None:
    source = f"read_parquet({literal(file)})"
    try:
        found = connection.execute(f"describe (from {source})").fetchall()
    except duckdb.Error as error:
        raise faulty(file, f"what cannot be read ({error})") from error
    names = {name for name, *_ in found}
    wanted = connection.execute(f"describe {table}").fetchall()
    required = {name for name, _, is_nullable, *_ in wanted if is_nullable == "NO"}
    if missing := sorted(required - names):
        raise faulty(file, f"no column {missing[0]}, which {table} needs")
    if strange := sorted(names - {name for name, *_ in wanted}):
        raise faulty(file, f"a column {strange[0]}, which {table} does not have")


def _reject(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    source: str,
    condition: str,
    fault: str,
    months: Months,
) -> None:
    row = connection.execute(
        f"select count(*) from {source} where {condition}",  # noqa: S608 - SQL of ours
        _named(condition, months),
    ).fetchone()
    if row and row[0]:
        raise faulty(file, f"{row[0]:,} rows with {fault}")


def _named(condition: str, months: Months) -> dict[str, dt.date]:
    """Give the months a condition names."""
    return {name: month for name, month in months.items() if f"${name}" in condition}


def faulty(file: Path, found: str) -> LoadError:
    """Error that says what a stage handed on and the warehouse must not hold."""
    return LoadError(
        f"the stage before wrote {found}.",
        where=str(file),
        remedy="Nothing was stored. Run that stage again; if it stays, report it.",
    )
