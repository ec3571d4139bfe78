"""Tables of the decision on applications, all written by Python."""

from pathlib import Path

import duckdb

DEFINITIONS = Path(__file__).with_name("tables.sql")


def ensure_decision_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table of links, estimates and decisions that is missing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    """
    connection.execute(DEFINITIONS.read_text())
