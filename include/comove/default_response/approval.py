"""Freezes that wait for a person: what he sees, and what his answer does."""

import datetime as dt
from dataclasses import dataclass

import duckdb

from comove.connection import connect
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
    """Record a person's answer on every freeze they were shown, and follow it.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Kept with the decision; deciding again in the same run changes nothing.
    answer : Answer
        Approved freezes write the rules of their row of the seed; rejected ones stay
        recorded and do nothing.

    Returns
    -------
    DecisionReport
        Counts of the run's decision.

    Raises
    ------
    ResponseError
        When the freezes that wait are not those the person was shown.
    """
    with connect(settings) as connection:
        ensure_response_tables(connection)
        connection.execute("begin")
        if not (decided := _decided(connection, run_id)):
            _require_shown(connection, answer)
            _record(connection, answer, run_id)
            decided = _decided(connection, run_id)
        rules = write_rules(connection, run_id=run_id)
        mark_strongest(connection, run_id=run_id)
        connection.execute("commit")
    return DecisionReport(decided.get("approved", 0), decided.get("rejected", 0), rules)


def _record(connection: duckdb.DuckDBPyConnection, answer: Answer, run_id: str) -> None:
    connection.execute(
        f"""
        update risk.strategy_action
        set status = ?, decided_by = ?, decided_at = ?, reason = ?, decided_in_run = ?
        where {_PROPOSED}
        """,  # noqa: S608 - a condition of ours
        [
            "approved" if answer.is_approved else "rejected",
            answer.decided_by,
            answer.decided_at,
            answer.reason,
            run_id,
        ],
    )


def _decided(connection: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, int]:
    rows = connection.execute(
        """
        select status, count(*) from risk.strategy_action
        where decided_in_run = ? group by status
        """,
        [run_id],
    ).fetchall()
    return {str(status): int(n) for status, n in rows}


def _require_shown(connection: duckdb.DuckDBPyConnection, answer: Answer) -> None:
    if waiting_freezes(connection).waiting_id != answer.waiting_id:
        raise ResponseError(
            "the freezes that wait are not those that were shown.",
            where="risk.strategy_action",
            remedy="Nothing was decided. Run the DAG `default_response` again: it asks "
            "anew.",
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
