"""Decisions of a view, written as they were taken."""

import duckdb

from comove.connection import utc_now
from comove.overdue.request import Wish


def write_decisions(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    *,
    origin: str,
    run_id: str,
    wish: Wish,
) -> None:
    """Put the decisions of a relation in place of those of the same borrowers and days.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction of the caller's; the temporary table ``day`` holds
        the days to write.
    relation : str
        A view made by the macro ``overdue_decision``.
    origin : str
        SQL of the column of that name; may name ``$as_of``.
    run_id : str
        Kept with every row.
    wish : Wish
        Day, and who asked.
    """
    named = {"run_id": run_id, "asked_by": wish.asked_by, "now": utc_now()}
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
        """,  # noqa: S608 - names of ours
        named,
    )
