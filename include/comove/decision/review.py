"""Decisions that wait for a person: what is shown, and what an answer does."""

import datetime as dt
from dataclasses import dataclass

import duckdb

from comove.connection import connect
from comove.decision.applications import application_key
from comove.decision.policy import SEED
from comove.decision.request import Wish
from comove.decision.scratch import DecisionError
from comove.decision.tables import ensure_decision_tables
from comove.settings import Settings


@dataclass(frozen=True)
class Waiting:
    """Decisions to be confirmed.

    Parameters
    ----------
    reviews : int
        How many.
    waiting_id : str
        Hash of them and of what is proposed.
    evidence : str
        A table in Markdown: counts and reasons, nobody can be told from it.
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
        Of what they were shown.
    """

    is_approved: bool
    decided_by: str
    decided_at: dt.datetime
    reason: str | None
    waiting_id: str


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


def waiting_reviews(
    connection: duckdb.DuckDBPyConnection, one: str | None = None
) -> Waiting:
    """Sum up the decisions that nobody has confirmed, whichever run made them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the tables of the decision.
    one : str or None
        Key of one application: it alone, also where it was returned before.
    """
    _take(connection, one)
    row = connection.execute(
        """
        select
            count(*),
            left(sha256(coalesce(string_agg(
                application_key || proposed_decision, '' order by application_key
            ), '')), 32)
        from waiting_review
        """
    ).fetchone()
    reviews, waiting_id = row or (0, "")
    return Waiting(int(reviews), str(waiting_id), _evidence(connection))


def record_answer(
    settings: Settings, *, run_id: str, wish: Wish, answer: Answer
) -> ReviewReport:
    """Record a person's answer on the decisions they were shown, and follow it.

    Approved decisions become final as proposed. Rejected ones: where one application was
    asked about, its decision is turned round (a refused one gets the limit it would have
    had under lending control; where that is 0 it stays undecided); where many were, none
    becomes final, and each is returned to be decided one by one.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Kept with the answer; answering again in the same run changes nothing.
    wish : Wish
        What the run was asked for.
    answer : Answer
        Of the person.

    Returns
    -------
    ReviewReport
        Counts of the run's answer.

    Raises
    ------
    DecisionError
        When the decisions that wait are not those the person was shown.
    """
    with connect(settings) as connection:
        ensure_decision_tables(connection)
        key = (
            application_key(connection, settings, wish.application)
            if wish.application
            else None
        )
        connection.execute("begin")
        if not _answered(connection, run_id):
            if waiting_reviews(connection, key).waiting_id != answer.waiting_id:
                raise DecisionError(
                    "the decisions that wait are not those that were shown.",
                    where="risk.credit_decision",
                    remedy="Nothing was recorded. Run the DAG `credit_decision` again: "
                    "it asks anew.",
                )
            _record(connection, answer, run_id, is_single=key is not None)
        counts = _answered(connection, run_id)
        connection.execute("commit")
    return ReviewReport(
        counts.get("confirmed", 0), counts.get("overruled", 0), counts.get("returned", 0)
    )


def _take(connection: duckdb.DuckDBPyConnection, one: str | None) -> None:
    connection.execute(
        """
        create or replace temp table waiting_review as
        select * from risk.credit_decision
        where
            if(
                $one is null, review_status = 'waiting',
                review_status in ('waiting', 'returned') and application_key = $one
            )
        """,
        {"one": one},
    )


def _record(
    connection: duckdb.DuckDBPyConnection,
    answer: Answer,
    run_id: str,
    *,
    is_single: bool,
) -> None:
    turned = (
        "case when decision.proposed_decision = 'refuse' then 'admit' else 'refuse' end"
    )
    can_turn = "(decision.proposed_decision = 'admit' or decision.limit_if_admitted > 0)"
    if answer.is_approved:
        status, final = "'confirmed'", "decision.proposed_decision"
    elif is_single:
        status = f"if({can_turn}, 'overruled', 'returned')"
        final = f"if({can_turn}, {turned}, null)"
    else:
        status, final = "'returned'", "null"
    connection.execute(
        f"""
        update risk.credit_decision as decision
        set review_status = {status}, final_decision = {final}, reviewed_by = $who,
            reviewed_at = $moment, review_reason = $reason, reviewed_in_run = $run
        from waiting_review
        where decision.application_key = waiting_review.application_key
        """,  # noqa: S608 - conditions of ours
        {
            "who": answer.decided_by,
            "moment": answer.decided_at,
            "reason": answer.reason,
            "run": run_id,
        },
    )
    connection.execute(_TURN_ROUND, {"run": run_id})


# An overruled refusal gets its limit and strategy, an overruled admission loses both.
_TURN_ROUND = f"""
    update risk.credit_decision as decision
    set
        credit_limit = turned.new_limit,
        limit_band = turned.limit_band,
        strategy = turned.strategy,
        first_draw_share = turned.first_draw_share
    from (
        select
            overruled.application_key,
            overruled.new_limit,
            strategies.limit_band,
            strategies.strategy,
            strategies.first_draw_share
        from (
            select
                decisions.*,
                if(final_decision = 'admit', limit_if_admitted, 0) as new_limit,
                (policy ->> '$.unit_amount')::double as unit_amount
            from risk.credit_decision as decisions
            inner join risk.decision_policy using (policy_hash)
            where reviewed_in_run = $run and review_status = 'overruled'
        ) as overruled
        left join {SEED} as strategies
            on
                overruled.new_limit > 0
                and overruled.qualification = strategies.qualification
                and overruled.new_limit / overruled.unit_amount
                >= coalesce(strategies.limit_from, '-infinity'::double)
                and overruled.new_limit / overruled.unit_amount
                < coalesce(strategies.limit_to, 'infinity'::double)
    ) as turned
    where decision.application_key = turned.application_key
"""  # noqa: S608 - names of ours


def _answered(connection: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, int]:
    rows = connection.execute(
        "select review_status, count(*) from risk.credit_decision "
        "where reviewed_in_run = ? group by all",
        [run_id],
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
            count(event_id),
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
