"""Opening the warehouse and the published copy."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from comove.errors import WarehouseBusyError, WarehouseError
from comove.settings import Settings

# A run publishes in under a second and lands within minutes; whoever waits longer than
# this is better told than left hanging.
WAIT_FOR_LOCK_SECONDS = 120.0


def duckdb_config(settings: Settings) -> dict[str, Any]:
    """DuckDB settings every connection of comove uses.

    Returns
    -------
    dict
        Memory limit, threads, temporary folder; extensions never load by themselves,
        so that nothing is fetched from outside.
    """
    return {
        "memory_limit": f"{settings.duckdb_memory_limit_gib * 1024:.0f}MiB",
        "threads": settings.duckdb_threads,
        "temp_directory": str(settings.places.scratch / "duckdb"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


@contextmanager
def connect(
    settings: Settings, *, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse, waiting while another process holds it.

    Parameters
    ----------
    settings : Settings
        Says which home.
    read_only : bool
        Open for reading; DuckDB still refuses while someone writes.

    Yields
    ------
    duckdb.DuckDBPyConnection
        Closed on leaving.

    Raises
    ------
    WarehouseError
        When it stays locked (`WarehouseBusyError`), or is not a DuckDB file.
    """
    settings.places.make()
    connection = _open(settings.places.warehouse, settings, read_only=read_only)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def connect_serving(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published copy for reading.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    file = settings.places.serving
    if not file.is_file():
        raise WarehouseError(
            "nothing has been published yet.",
            where=str(file),
            remedy="Run the DAG `warehouse` (or `make run`) first.",
        )
    connection = _open(file, settings, read_only=True)
    try:
        yield connection
    finally:
        connection.close()


def quoted(name: str) -> str:
    """Write a name as an SQL identifier, quotes doubled."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """Write a text as an SQL literal, quotes doubled."""
    return "'" + str(text).replace("'", "''") + "'"


def utc_now() -> dt.datetime:
    """Tell the time as the warehouse keeps it: UTC, without a zone."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def row_count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Count the rows of a table, given as ``schema.table``."""
    row = connection.execute(f"select count(*) from {table}").fetchone()  # noqa: S608 - names come from the catalogue
    return int(row[0]) if row else 0


def _open(
    file: Path, settings: Settings, *, read_only: bool
) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + WAIT_FOR_LOCK_SECONDS
    while True:
        try:
            return duckdb.connect(
                str(file), read_only=read_only, config=duckdb_config(settings)
            )
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise _unreadable(file, error) from error
            if time.monotonic() > deadline:
                raise _locked(file, error) from error
            time.sleep(0.2)


def _unreadable(file: Path, error: Exception) -> WarehouseError:
    return WarehouseError(
        f"the file cannot be opened as a DuckDB database ({_first_line(error)}).",
        where=str(file),
        remedy="Move it away; the next run with a full refresh builds it anew.",
    )


def _locked(file: Path, error: Exception) -> WarehouseBusyError:
    return WarehouseBusyError(
        f"another process has held it for {WAIT_FOR_LOCK_SECONDS:.0f} s "
        f"({_first_line(error)}).",
        where=str(file),
        remedy="Let that process end, or read the published copy under `serving/`.",
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
