"""Freezes that wait for a person: what he sees, and what his answer does."""

import datetime as dt
from dataclasses import dataclass

import duckdb

from comove.connection import connect, utc_now
from comove.default_response.rules import write_rules
from comove.default_response.scratch import ResponseError
from comove.default_response.strategies import FREEZE
from comove.default_response.strongest import mark_strongest
from comove.default_response.tables import ensure_response_tables
from comove.settings import Settings

_PROPOSED = f"strategy = '{FREEZE}' and status = 'proposed'"


@dataclass(frozen=True)
class Waiting:
    """Freezes to be decided on.

    Parameters
    ----------
    freezes : int
        How many.
    waiting_id : str
        Hash of their ids.
    evidence : str
        A table in Markdown: sums only, nobody can be told from it.
    """

    freezes: int
    waiting_id: str
    evidence: str


@dataclass(frozen=True)
class Answer:
    """What a person has decided.

    Parameters
    ----------
    is_approved : bool
        Whether the freezes go ahead.
    decided_by : str
        Who.
    decided_at : datetime
        When, UTC without a zone.
    reason : str or None
        In their own words.
    waiting_id : str
        Of the freezes they were shown.
    """

    is_approved: bool
    decided_by: str
    decided_at: dt.datetime
    reason: str | None
    waiting_id: str


@dataclass(frozen=True)
class DecisionReport:
    """What an answer did.

    Parameters
    ----------
    approved, rejected : int
        Freezes.
    rules : int
        New rules of lending control.
    """

    approved: int
    rejected: int
    rules: int


def ask_about_freezes(connection: duckdb.DuckDBPyConnection, *, run_id: str) -> Waiting:
    """Sum up the freezes that nobody has decided on, and keep which they are.

    Freezes of every run are among them, those that another run's question still shows
    too; the first answer to a freeze stands.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with the tables of the response.
    run_id : str
        Of the run that asks.
    """
    waiting = waiting_freezes(connection)
    connection.execute(
        f"""
        insert into risk.freeze_question
        select $waiting as waiting_id, action_id, $run, $now
        from risk.strategy_action
        where
            {_PROPOSED}
            and $waiting not in (select waiting_id from risk.freeze_question)
        """,  # noqa: S608 - a condition of ours
        {"waiting": waiting.waiting_id, "run": run_id, "now": utc_now()},
    )
    return waiting


def waiting_freezes(connection: duckdb.DuckDBPyConnection) -> Waiting:
    """Sum up the freezes that nobody has decided on, whichever run proposed them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with the tables of the response.
    """
    row = connection.execute(
        f"""
        select
            count(*),
            left(sha256(coalesce(string_agg(action_id, '' order by action_id), '')), 32)
        from risk.strategy_action
        where {_PROPOSED}
        """  # noqa: S608 - a condition of ours
    ).fetchone()
    freezes, waiting_id = row or (0, "")
    return Waiting(int(freezes), str(waiting_id), _evidence(connection))


def decide(settings: Settings, *, run_id: str, answer: Answer) -> DecisionReport:
    """Record a person's answer on the freezes they were shown, and follow it.

    Freezes that somebody has decided on since they were shown stay as decided. The same
    answer given again, as when the task is tried again, changes nothing; another answer,
    to other freezes, is recorded though it comes in the same run.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Kept with the decision.
    answer : Answer
        Approved freezes write their rules; rejected ones stay recorded and do nothing.

    Returns
    -------
    DecisionReport
        What this answer decided.

    Raises
    ------
    ResponseError
        When a freeze that was shown is no longer there, or all of them had been decided
        before; nothing is decided then.
    """
    with connect(settings) as connection:
        ensure_response_tables(connection)
        connection.execute("begin")
        _require_shown(connection, answer)
        _record(connection, answer, run_id)
        if not (decided := _decided(connection, answer)):
            raise _decided_before()
        rules = write_rules(connection, run_id=run_id)
        mark_strongest(connection, run_id=run_id)
        connection.execute("commit")
    return DecisionReport(decided.get("approved", 0), decided.get("rejected", 0), rules)


def _status(answer: Answer) -> str:
    return "approved" if answer.is_approved else "rejected"


def _record(connection: duckdb.DuckDBPyConnection, answer: Answer, run_id: str) -> None:
    connection.execute(
        f"""
        update risk.strategy_action
        set status = $status, decided_by = $by, decided_at = $at, reason = $reason,
            decided_in_run = $run, waiting_id = $waiting
        where {_PROPOSED} and action_id in (
            select action_id from risk.freeze_question where waiting_id = $waiting
        )
        """,  # noqa: S608 - a condition of ours
        {
            "status": _status(answer),
            "by": answer.decided_by,
            "at": answer.decided_at,
            "reason": answer.reason,
            "run": run_id,
            "waiting": answer.waiting_id,
        },
    )


def _decided(connection: duckdb.DuckDBPyConnection, answer: Answer) -> dict[str, int]:
    """Count what this very answer has decided, now or when it was given before."""
    rows = connection.execute(
        """
        select status, count(*) from risk.strategy_action
        where waiting_id = ? and status = ? and decided_by = ? and decided_at = ?
        group by status
        """,
        [answer.waiting_id, _status(answer), answer.decided_by, answer.decided_at],
    ).fetchall()
    return {str(status): int(n) for status, n in rows}


def _require_shown(connection: duckdb.DuckDBPyConnection, answer: Answer) -> None:
    row = connection.execute(
        f"""
        select count(*), count(actions.action_id)
        from risk.freeze_question as shown
        left join risk.strategy_action as actions
            on shown.action_id = actions.action_id and actions.strategy = '{FREEZE}'
        where shown.waiting_id = ?
        """,  # noqa: S608 - a name of ours
        [answer.waiting_id],
    ).fetchone()
    shown, there = row or (0, 0)
    if shown == 0 or there < shown:
        raise ResponseError(
            "the freezes that wait are not those that were shown.",
            where="risk.strategy_action",
            remedy="Nothing was decided. Run the DAG `default_response` again: it asks "
            "anew.",
        )


def _decided_before() -> ResponseError:
    return ResponseError(
        "every freeze that was shown had been decided before.",
        where="risk.strategy_action",
        remedy="The first answer stands, and nothing was changed: decided_by, decided_at "
        "and reason say whose it is.",
    )


def _evidence(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        f"""
        select
            strftime(events.month, '%Y-%m') as of_month,
            count(distinct actions.event_id),
            count(distinct actions.borrower_key),
            sum(actions.exposure) filter (is_first),
            min(actions.joint_risk_index),
            max(actions.joint_risk_index),
            max(actions.joint_probability)
        from (
            select
                *,
                row_number() over (
                    partition by borrower_key, month order by event_id
                ) = 1 as is_first
            from risk.strategy_action
            where {_PROPOSED}
        ) as actions
        inner join risk.default_event as events using (event_id)
        group by of_month
        order by of_month
        """  # noqa: S608 - a condition of ours
    ).fetchall()
    return "\n".join([*_HEADING, *map(_line, rows)]) if rows else ""


_HEADING = (
    "| Defaults of | events | borrowers to freeze | exposure | index "
    "| highest probability |",
    "|---|---:|---:|---:|---:|---:|",
)


def _line(row: tuple[str, int, int, float | None, float, float, float]) -> str:
    month, events, borrowers, exposure, low, high, probability = row
    return (
        f"| {month} | {events:,} | {borrowers:,} | {exposure or 0:,.0f} "
        f"| {low:.1f} to {high:.1f} | {probability:.1%} |"
    )
