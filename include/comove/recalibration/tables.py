"""Tables of the recalibration, all written by Python."""

from pathlib import Path

import duckdb

DEFINITIONS = Path(__file__).with_name("tables.sql")


def ensure_recalibration_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table of versions, candidates, factors and performance.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    """
    connection.execute(DEFINITIONS.read_text())
