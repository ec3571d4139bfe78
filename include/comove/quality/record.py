"""Recording what a gate found in ``audit.quality_result``."""

from comove.audit import ensure_tables
from comove.connection import connect
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
    rows = [
        [run_id, stage, *_result(verdict), judgement.checked_at]
        for verdict in judgement.verdicts
    ]
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute("begin")
        connection.execute(
            "delete from audit.quality_result where run_id = ? and stage = ?",
            [run_id, stage],
        )
        connection.executemany(
            """
            insert into audit.quality_result
                (run_id, stage, check_name, severity, success, observed, expected,
                 table_name, column_name, reason, checked_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            rows,
        )
        connection.execute("commit")


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
