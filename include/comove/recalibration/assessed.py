"""Flags of the score drift that were assessed, and those a person has answered."""

import datetime as dt
from collections.abc import Iterable

import duckdb

from comove.recalibration.drift import Cell, Drift

_ANSWERED = """
    select version from risk.strategy_version
    where decided_at is not null and effective_from is not null or status = 'rejected'
"""


def assessed_cells(connection: duckdb.DuckDBPyConnection) -> set[Cell]:
    """Read stage, label and cohort month of every flag an assessment has seen."""
    return _cells(connection, "true")


def answered_cells(connection: duckdb.DuckDBPyConnection) -> set[Cell]:
    """Read those that a version answers, on which a person has decided."""
    return _cells(connection, f"version in ({_ANSWERED})")


def keep_assessed(
    connection: duckdb.DuckDBPyConnection,
    month: dt.date,
    drifts: Iterable[Drift],
    version: int | None,
    run_id: str,
) -> None:
    """Write the flags an assessment has seen, in place of those of an earlier run.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction.
    month : date
        Assessed, first day.
    drifts : iterable of Drift
        That the assessment knows.
    version : int or None
        Proposed as the answer to them.
    run_id : str
        Kept with them.
    """
    connection.execute(
        f"""
        delete from risk.assessed_flag
        where month = ? and (version is null or version not in ({_ANSWERED}))
        """,  # noqa: S608 - a query of ours
        [month],
    )
    rows = [
        [month, *cell, version, run_id]
        for cell in sorted({cell for drift in drifts for cell in drift.cells})
    ]
    if rows:
        connection.executemany(
            "insert into risk.assessed_flag values (?, ?, ?, ?, ?, ?)", rows
        )


def _cells(connection: duckdb.DuckDBPyConnection, condition: str) -> set[Cell]:
    query = "select distinct stage, label, cohort_month from risk.assessed_flag where "
    return set(connection.execute(query + condition).fetchall())
