"""Decisions that wait for a person: what is shown, and what an answer does."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import duckdb

from comove.connection import connect, utc_now
from comove.decision.applications import application_key
from comove.decision.guard import require_sound
from comove.decision.overrule import as_proposed, overruled, widest_limit
from comove.decision.policy import Policy
from comove.decision.request import Wish
from comove.decision.scratch import DecisionError
from comove.decision.tables import ensure_decision_tables, first_row
from comove.settings import Settings


@dataclass(frozen=True)
class Waiting:
    """Decisions to be confirmed.

    Parameters
    ----------
    reviews : int
        How many.
    waiting_id : str
        Of the question: hash of them, of what is proposed, and of the run that asks.
    evidence : str
        Markdown: a table of counts and reasons; of one application what was decided and
        why. No name and no key.
    """

    reviews: int
    waiting_id: str
    evidence: str


@dataclass(frozen=True)
class Answer:
    """What a person has answered.

    Parameters
    ----------
    is_approved : bool
        Whether the decisions stand as proposed.
    decided_by : str
        Who.
    decided_at : datetime
        When, UTC without a zone.
    reason : str or None
        In their own words.
    waiting_id : str
        Of the question they were asked.
    limit : float or None
        What they would grant where they turn a refusal round, in currency; None for the
        limit of the trail.
    strategy : str or None
        The strategy they want then, as the seed names it; None for the seed's own.
    """

    is_approved: bool
    decided_by: str
    decided_at: dt.datetime
    reason: str | None
    waiting_id: str
    limit: float | None = None
    strategy: str | None = None


@dataclass(frozen=True)
class ReviewReport:
    """What an answer did.

    Parameters
    ----------
    confirmed, overruled, returned : int
        Decisions that stand; that were turned round; that are to be decided one by one.
    """

    confirmed: int
    overruled: int
    returned: int


def ask_about_reviews(
    connection: duckdb.DuckDBPyConnection, one: str | None = None, *, run_id: str
) -> Waiting:
    """Sum up the decisions that wait for a person, and keep which they are.

    Decisions of every run are among them, those that another run's question still shows
    too; the first answer to a decision stands.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with the tables of the decision.
    one : str or None
        Key of one application: it alone, whatever is not final yet or refuses it, also
        where it was returned, or refused by a person before.
    run_id : str
        Of the run that asks.
    """
    connection.execute(_WAITING, {"one": one})
    row = connection.execute(
        """
        select
            count(*),
            left(sha256($run || coalesce(string_agg(
                concat(application_key, proposed_decision, reviewed_at), ''
                order by application_key
            ), '')), 32)
        from waiting_review
        """,
        {"run": run_id},
    ).fetchone()
    reviews, waiting_id = row or (0, "")
    connection.execute(
        """
        insert into risk.review_question by name
        select
            $waiting as waiting_id, application_key, proposed_decision,
            reviewed_at as last_reviewed_at, $run as asked_in_run, $now as asked_at
        from waiting_review
        where $waiting not in (select waiting_id from risk.review_question)
        """,
        {"waiting": waiting_id, "run": run_id, "now": utc_now()},
    )
    shown = _evidence(connection) if one is None else _trail(connection)
    return Waiting(int(reviews), str(waiting_id), shown)


# One application may be asked about until it is admitted: what refuses it, even finally,
# can be contested.
_WAITING = """
    create or replace temp table waiting_review as
    select * from risk.credit_decision
    where
        if(
            $one is null, review_status = 'waiting',
            application_key = $one and coalesce(final_decision, 'refuse') = 'refuse'
        )
"""


def record_answer(
    settings: Settings, *, run_id: str, wish: Wish, answer: Answer
) -> ReviewReport:
    """Record a person's answer on the decisions they were shown, and follow it.

    Approved decisions become final as proposed. Rejected ones: where one application was
    asked about, its decision is turned round, a refused one with the limit and strategy
    the person gives, or those of the trail, as far as the request and lending control
    allow (where that is nothing it stays undecided); where many were, none becomes final,
    and each is returned to be decided one by one. Decisions that somebody has answered on
    since they were shown stay as answered.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Kept with the answer.
    wish : Wish
        What the run was asked for.
    answer : Answer
        Of the person; the same given again changes nothing.

    Returns
    -------
    ReviewReport
        What this answer decided.

    Raises
    ------
    DecisionError
        When the question is not known, every decision that was shown had been answered
        before, or limit or strategy cannot be; nothing is recorded then.
    """
    with connect(settings) as connection:
        ensure_decision_tables(connection)
        is_single = wish.application is not None
        if wish.application:
            application_key(connection, settings, wish.application)
        connection.execute("begin")
        _require_shown(connection, answer)
        _follow(connection, answer, run_id, is_single=is_single)
        counts = _answered(connection, answer)
        if not counts:
            raise _answered_before()
        require_sound(connection, run_id=run_id, by="reviewed_in_run")
        connection.execute("commit")
    return ReviewReport(
        counts.get("confirmed", 0), counts.get("overruled", 0), counts.get("returned", 0)
    )


def _follow(
    connection: duckdb.DuckDBPyConnection,
    answer: Answer,
    run_id: str,
    *,
    is_single: bool,
) -> None:
    connection.execute(
        """
        create or replace temp table to_answer as
        select decisions.*
        from risk.credit_decision as decisions
        inner join risk.review_question as shown using (application_key)
        where
            shown.waiting_id = $waiting and shown.answer is null
            and decisions.reviewed_at is not distinct from shown.last_reviewed_at
        """,
        {"waiting": answer.waiting_id},
    )
    status, changed = _outcome(connection, answer, is_single=is_single)
    given = {
        "review_status": status,
        "reviewed_by": answer.decided_by,
        "reviewed_at": answer.decided_at,
        "review_reason": answer.reason,
        "reviewed_in_run": run_id,
    }
    values = given | changed
    connection.execute(
        f"""
        update risk.credit_decision
        set final_decision = {_FINAL[status]},
            {", ".join(f"{name} = ${name}" for name in values)}
        where application_key in (select application_key from to_answer)
        """,  # noqa: S608 - names of ours
        values,
    )
    _note_answer(connection, answer, status)


_FINAL = {
    "confirmed": "proposed_decision",
    "overruled": "if(proposed_decision = 'refuse', 'admit', 'refuse')",
    "returned": "null",
}


def _outcome(
    connection: duckdb.DuckDBPyConnection, answer: Answer, *, is_single: bool
) -> tuple[str, dict[str, object]]:
    """Say what the answer makes of the decisions, and which columns change with it."""
    row = first_row(connection, "to_answer") if is_single else None
    if row is None:
        return ("confirmed" if answer.is_approved else "returned"), {}
    policy = Policy.kept(connection, str(row["policy_hash"]))
    if answer.is_approved:
        was_turned = row["review_status"] == "overruled"
        return "confirmed", as_proposed(row, policy) if was_turned else {}
    turned = overruled(row, policy, limit=answer.limit, strategy=answer.strategy)
    return ("overruled" if turned else "returned"), turned


def _note_answer(
    connection: duckdb.DuckDBPyConnection, answer: Answer, status: str
) -> None:
    connection.execute(
        """
        update risk.review_question
        set answer = $status, answered_by = $who, answered_at = $moment, reason = $reason
        where
            waiting_id = $waiting
            and application_key in (select application_key from to_answer)
        """,
        {
            "status": status,
            "who": answer.decided_by,
            "moment": answer.decided_at,
            "reason": answer.reason,
            "waiting": answer.waiting_id,
        },
    )


def _require_shown(connection: duckdb.DuckDBPyConnection, answer: Answer) -> None:
    row = connection.execute(
        "select count(*) from risk.review_question where waiting_id = ?",
        [answer.waiting_id],
    ).fetchone()
    if not row or not row[0]:
        raise DecisionError(
            "the decisions that wait are not those that were shown.",
            where="risk.review_question",
            remedy="Nothing was recorded. Run the DAG `credit_decision` again: it asks "
            "anew.",
        )


def _answered_before() -> DecisionError:
    return DecisionError(
        "every decision that was shown had been answered before.",
        where="risk.credit_decision",
        remedy="The first answer stands, and nothing was changed: reviewed_by, "
        "reviewed_at and review_reason say whose it is.",
    )


def _answered(connection: duckdb.DuckDBPyConnection, answer: Answer) -> dict[str, int]:
    """Count what this very answer has decided, now or when it was given before."""
    rows = connection.execute(
        "select answer, count(*) from risk.review_question "
        "where waiting_id = ? and answered_by = ? and answered_at = ? group by answer",
        [answer.waiting_id, answer.decided_by, answer.decided_at],
    ).fetchall()
    return {str(status): int(n) for status, n in rows}


def _evidence(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        """
        select
            strftime(cohort_month, '%Y-%m') as applied_in,
            proposed_decision,
            coalesce(
                'refused: ' || refused_at,
                case
                    when identity_status = 'review' then 'may be known under another id'
                    else 'admitted: uncertain, or asked for by the strategy'
                end
            ) as why,
            count(*),
            count(control_applied),
            coalesce(sum(requested_amount), 0),
            coalesce(sum(credit_limit), 0)
        from waiting_review
        group by all
        order by 1, 2 desc, 4 desc, 3
        """
    ).fetchall()
    if not rows:
        return ""
    lines = [
        f"| {month} | {proposed} | {why} | {n:,} | {held:,} | {asked:,.0f} "
        f"| {limit:,.0f} |"
        for month, proposed, why, n, held, asked, limit in rows
    ]
    return "\n".join([*_HEADING, *lines])


_HEADING = (
    "| Applied in | proposed | why | applications | under lending control | asked for "
    "| limits |",
    "|---|---|---|---:|---:|---:|---:|",
)


def _trail(connection: duckdb.DuckDBPyConnection) -> str:
    """Tell how the one application was decided, and what Reject would do."""
    row = first_row(connection, "waiting_review")
    if row is None:
        return ""
    policy = Policy.kept(connection, str(row["policy_hash"]))
    control = row["control_applied"]
    facts = {
        "Proposed": f"{row['proposed_decision']}, limit {_amount(row['credit_limit'])}",
        "Refused at": row["refused_at"] or "no step",
        "Probability of repaying": f"{_share(row['admission_probability'])} by "
        f"{row['admission_source']}; {_share(policy.min_probability)} is required",
        "Asked for": _amount(row["requested_amount"]),
        "Limit before lending control": _amount(row["limit_before_control"]),
        "Lending control": f"{control} by event {row['event_id']}" if control else "none",
        "Answered before": row["review_status"] if row["reviewed_by"] else "no",
        "Reject means": _if_rejected(row, policy),
    }
    lines = [f"| {name} | {value} |" for name, value in facts.items()]
    reasons = [f"- {reason}" for reason in json.loads(row["reason_codes"])]
    return "\n".join(["| | |", "|---|---|", *lines, "", *reasons])


def _if_rejected(row: dict[str, Any], policy: Policy) -> str:
    if row["proposed_decision"] == "admit":
        return "refused"
    most = widest_limit(row, policy)
    if most <= 0:
        return "nothing: lending control, or nothing asked for, leaves no limit"
    bound = f"{_amount(most)} at most, where you give a limit"
    if row["limit_if_admitted"] <= 0:
        return f"nothing without a limit you give; {bound}"
    return f"admitted with {_amount(row['limit_if_admitted'])}; {bound}"


def _amount(value: Any) -> str:
    return "not known" if value is None else f"{value:,.0f}"


def _share(value: Any) -> str:
    return "not known" if value is None else f"{value:.1%}"
