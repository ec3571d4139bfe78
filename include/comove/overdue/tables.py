"""Tables of the overdue assessment."""

from pathlib import Path

import duckdb

DEFINITIONS = Path(__file__).with_name("tables.sql")


def ensure_overdue_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table of requests, probabilities and assessments that is missing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    """
    connection.execute(DEFINITIONS.read_text())
