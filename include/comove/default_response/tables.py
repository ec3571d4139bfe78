"""Tables of the response to default events."""

from pathlib import Path

import duckdb

DEFINITIONS = Path(__file__).with_name("tables.sql")


def ensure_response_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table of events, links, actions and rules that is missing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    """
    connection.execute(DEFINITIONS.read_text())
