"""Recording what a gate found in ``audit.quality_result``."""

import datetime as dt
from collections.abc import Sequence

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect
from comove.errors import GateFailedError
from comove.quality.judge import Judgement, Verdict
from comove.settings import Settings


def record(settings: Settings, *, run_id: str, stage: str, judgement: Judgement) -> None:
    """Write one row per check, in place of any the same run and stage wrote before.

    Parameters
    ----------
    settings : Settings
        Says which warehouse.
    run_id, stage : str
        Whose results.
    judgement : Judgement
        The results.
    """
    rows = [_result(verdict) for verdict in judgement.verdicts]
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute("begin")
        replace_results(connection, run_id, stage, rows, judgement.checked_at)
        connection.execute("commit")


def replace_results(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    stage: str,
    rows: Sequence[Sequence[object]],
    checked_at: dt.datetime,
) -> None:
    """Write the results of a stage, in place of any the same run wrote for it before.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction of the caller's.
    run_id, stage : str
        Whose results.
    rows : sequence of sequence
        For each check its name, severity, success, observed, expected, table, column
        and reason.
    checked_at : datetime
        When, UTC.
    """
    connection.execute(
        "delete from audit.quality_result where run_id = ? and stage = ?",
        [run_id, stage],
    )
    if rows:
        connection.executemany(
            """
            insert into audit.quality_result
                (run_id, stage, check_name, severity, success, observed, expected,
                 table_name, column_name, reason, checked_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [[run_id, stage, *row, checked_at] for row in rows],
        )


def require_passed(settings: Settings, *, stage: str, dag_id: str) -> None:
    """Refuse to go on from tables whose gate has failed.

    Parameters
    ----------
    settings : Settings
        Says which warehouse.
    stage : str
        Whose newest results are looked at; none at all is no failure.
    dag_id : str
        The DAG that makes the tables, for the message.

    Raises
    ------
    GateFailedError
        Naming the checks.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        failed = failed_checks(connection, stage)
    if failed:
        raise GateFailedError(
            f"the tables of stage {stage!r} failed {', '.join(failed)}.",
            where="audit.quality_result",
            remedy=f"Correct what their gate names and run the DAG `{dag_id}` again "
            "first.",
            checks=tuple(failed),
        )


def failed_checks(connection: duckdb.DuckDBPyConnection, stage: str) -> list[str]:
    """Names of the critical checks that failed when a stage was judged last, sorted.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    stage : str
        As of `comove.quality.suite.Stage`.
    """
    rows = connection.execute(
        """
        select check_name from audit.quality_result
        where stage = $stage and not success and severity = 'critical'
            and run_id = (
                select arg_max(run_id, checked_at) from audit.quality_result
                where stage = $stage
            )
        order by check_name
        """,
        {"stage": stage},
    ).fetchall()
    return [name for (name,) in rows]


def _result(verdict: Verdict) -> list[object]:
    check = verdict.check
    return [
        check.name,
        verdict.severity,
        verdict.success,
        verdict.observed,
        verdict.expected,
        check.table,
        check.measure,
        check.why if verdict.success else f"{check.why} What to do: {check.remedy}",
    ]
