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

    These are kept in ``risk.overdue_assessment_replaced``, but those that the new ones
    repeat: to decide the same again replaces nothing.

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
    _take_out(connection, replaced)
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
    _keep_changed(connection, run_id, now)


def _take_out(connection: duckdb.DuckDBPyConnection, replaced: str) -> None:
    """Move what gives way aside."""
    connection.execute(
        f"""
        create or replace temporary table giving_way as
        select * from risk.overdue_assessment where {replaced}
        """
    )
    connection.execute(f"delete from risk.overdue_assessment where {replaced}")


def _keep_changed(
    connection: duckdb.DuckDBPyConnection, run_id: str, now: dt.datetime
) -> None:
    """Keep what gave way to something else; run and time alone are nothing else."""
    connection.execute(
        """
        insert into risk.overdue_assessment_replaced by name
        select giving_way.*, $now as replaced_at, $run_id as replaced_by
        from giving_way
        inner join (
            select borrower_key, as_of from (
                select * exclude (run_id, assessed_at) from giving_way
                except
                select * exclude (run_id, assessed_at) from risk.overdue_assessment
            )
        ) as changed using (borrower_key, as_of)
        """,
        {"now": now, "run_id": run_id},
    )
    connection.execute("drop table giving_way")
