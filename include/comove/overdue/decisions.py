"""Decisions of a view, written as they were taken; what they replace is kept."""

# ruff: noqa: S608 - SQL of names and conditions of our own making

import datetime as dt

import duckdb

from comove.connection import utc_now
from comove.overdue.request import Wish


def write_decisions(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    *,
    replaced: str,
    origin: str,
    run_id: str,
    wish: Wish,
) -> None:
    """Put the decisions of a relation in force, in place of those they replace.

    These are kept in ``risk.overdue_assessment_replaced``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction of the caller's; the temporary table ``day`` holds
        the days to write.
    relation : str
        A view made by the macro ``overdue_decision``.
    replaced : str
        SQL condition on the rows of ``risk.overdue_assessment`` that give way.
    origin : str
        SQL of the column of that name; may name ``$as_of``.
    run_id : str
        Kept with every row.
    wish : Wish
        Day, and who asked.
    """
    now = utc_now()
    _keep(connection, replaced, run_id, now)
    named = {"run_id": run_id, "asked_by": wish.asked_by, "now": now}
    if "$as_of" in origin:
        named["as_of"] = wish.as_of
    connection.execute(
        f"""
        insert or replace into risk.overdue_assessment by name
        select
            *, {origin} as origin, $asked_by as asked_by, $run_id as run_id,
            $now as assessed_at
        from {relation}
        where as_of in (select as_of from day)
        """,
        named,
    )


def _keep(
    connection: duckdb.DuckDBPyConnection, replaced: str, run_id: str, now: dt.datetime
) -> None:
    """Move what gives way to the table of replaced decisions."""
    connection.execute(
        f"""
        insert into risk.overdue_assessment_replaced by name
        select *, $now as replaced_at, $run_id as replaced_by
        from risk.overdue_assessment
        where {replaced}
        """,
        {"now": now, "run_id": run_id},
    )
    connection.execute(f"delete from risk.overdue_assessment where {replaced}")
