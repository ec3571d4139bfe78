"""Tables of overdue grades that Python writes; the others are dbt models."""

from pathlib import Path

import duckdb

DEFINITIONS = Path(__file__).with_name("tables.sql")


def ensure_grade_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table of overdue grades that Python writes and that is missing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    """
    connection.execute(DEFINITIONS.read_text())
