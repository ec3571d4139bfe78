"""Tables of the decision on applications, all written by Python."""

from pathlib import Path
from typing import Any

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


def first_row(
    connection: duckdb.DuckDBPyConnection, relation: str
) -> dict[str, Any] | None:
    """Read the first row of a relation.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where it is.
    relation : str
        SQL after ``from``.

    Returns
    -------
    dict of str to object, or None
        By column; None without a row.
    """
    cursor = connection.execute(f"select * from {relation}")  # noqa: S608 - relations of ours
    names = [column[0] for column in cursor.description or []]
    found = cursor.fetchone()
    return dict(zip(names, found, strict=True)) if found else None
