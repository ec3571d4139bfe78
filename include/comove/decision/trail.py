"""The trail of one decision, and its replay, from the published copy."""

# ruff: noqa: S608 - SQL of columns and conditions of our own making

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from comove.connection import connect_serving, literal, utc_now
from comove.decision import admission, limit
from comove.decision.admission import Admission
from comove.decision.again import asked_again, scored_otherwise
from comove.decision.applications import application_key
from comove.decision.estimate import judged
from comove.decision.judges import EVERYONE, EXISTING, Judges, Named
from comove.decision.limit import LimitModel
from comove.decision.policy import Policy
from comove.decision.rules import apply_rules
from comove.decision.scratch import DecisionError
from comove.decision.tables import first_row
from comove.risk_model.artifact import model_folder
from comove.settings import Settings

Row = Mapping[str, Any]
_KEPT_INPUTS = (
    "(select * from risk.decision_input semi join asked using (application_key, as_of))"
)
# What a person's answer may have changed since.
_ANSWERED = frozenset(
    {"credit_limit", "limit_band", "strategy", "first_draw_share", "reason_codes"}
)


@dataclass(frozen=True)
class Trail:
    """How one application is decided.

    Parameters
    ----------
    decision : mapping
        Every column of the decision, by name.
    reasons : tuple of str
        In plain words.
    kept : mapping or None
        The row of ``risk.credit_decision``, where it was decided before.
    differs : tuple of str
        Columns in which both differ; a person's answer is no difference. ``score_pd``
        where the same model of the score says another probability by now.
    """

    decision: Row
    reasons: tuple[str, ...]
    kept: Row | None = None
    differs: tuple[str, ...] = ()


def decide_dry(
    settings: Settings, application: str, *, as_of: dt.date | None = None
) -> Trail:
    """Decide one application without writing anything.

    Without a day, one that was decided before is replayed: with the inputs, the policy,
    and the rules of lending control written by then. With a day, models in force on that
    day, its rules, its bands of the score, and today's other policy decide.

    Parameters
    ----------
    settings : Settings
        Say which home.
    application : str
        Its id or key.
    as_of : date or None
        Day whose models and rules decide; not before the application.

    Returns
    -------
    Trail
        The decision, and how it compares with the one that was kept.

    Raises
    ------
    DecisionError
        When the application is unknown, nothing was published for it, or the day lies
        before it was made.
    """
    with connect_serving(settings) as connection:
        _require_published(connection)
        key = application_key(connection, settings, application)
        kept = first_row(
            connection, f"risk.credit_decision where application_key = {literal(key)}"
        )
        if as_of is None and kept is not None:
            return replay(connection, settings, kept)
        return _fresh(connection, settings, key, as_of, kept)


def replay(connection: duckdb.DuckDBPyConnection, settings: Settings, kept: Row) -> Trail:
    """Make a decision again, by the models that made it and what was known then.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy, or the warehouse.
    settings : Settings
        Say in which home the models are.
    kept : mapping
        Row of ``risk.credit_decision``.
    """
    policy = Policy.kept(connection, str(kept["policy_hash"]))
    key, day, moment = (
        kept[n] for n in ("application_key", "decided_as_of", "known_until")
    )
    _ask(connection, key, day, moment)
    inputs = asked_again(connection, settings, _KEPT_INPUTS)
    apply_rules(connection, policy, inputs=inputs, is_replay=True)
    trail = _trail(connection, kept)
    if scored_otherwise(connection):
        return replace(trail, differs=(*trail.differs, "score_pd"))
    return trail


def replay_published(settings: Settings) -> dict[str, int]:
    """Make every published decision again.

    Parameters
    ----------
    settings : Settings
        Say which home.

    Returns
    -------
    dict of str to int
        As of `replay_all`.

    Raises
    ------
    DecisionError
        When no decision has been published.
    """
    with connect_serving(settings) as connection:
        _require_published(connection)
        return replay_all(connection, settings)


def replay_all(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> dict[str, int]:
    """Make every kept decision again, by the models that made them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy, or the warehouse.
    settings : Settings
        Say in which home the models are.

    Returns
    -------
    dict of str to int
        ``decisions`` made again, ``changed``: how many came out otherwise, and
        ``scored_otherwise``: of how many the same model of the application score says
        another probability by now. Decisions are made again with what it said then.
    """
    hashes = connection.execute(
        "select distinct policy_hash from risk.credit_decision order by 1"
    ).fetchall()
    counts = {"decisions": 0, "changed": 0, "scored_otherwise": 0}
    for (policy_hash,) in hashes:
        policy = Policy.kept(connection, policy_hash)
        connection.execute(
            "create or replace temp table asked as select application_key, "
            "decided_as_of as as_of, known_until from risk.credit_decision "
            f"where policy_hash = {literal(policy_hash)}"
        )
        apply_rules(
            connection,
            policy,
            inputs=asked_again(connection, settings, _KEPT_INPUTS),
            is_replay=True,
        )
        row = connection.execute(
            """
            select count(*), count(*) filter (
                decided.application_key is null
                or decided.proposed_decision <> kept.proposed_decision
                or (
                    decided.reason_codes <> kept.reason_codes
                    and kept.review_status <> 'overruled'
                )
                or decided.limit_if_admitted <> kept.limit_if_admitted
                or decided.event_id is distinct from kept.event_id
            )
            from risk.credit_decision as kept
            semi join asked using (application_key)
            left join decided using (application_key)
            """
        ).fetchone()
        counts["decisions"] += int(row[0]) if row else 0
        counts["changed"] += int(row[1]) if row else 0
        counts["scored_otherwise"] += scored_otherwise(connection)
    return counts


def _fresh(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    key: str,
    as_of: dt.date | None,
    kept: Row | None,
) -> Trail:
    case = first_row(
        connection, f"risk.decision_case where application_key = {literal(key)}"
    )
    applied_on = case["applied_on"] if case else None
    day = as_of or applied_on
    if applied_on is None or day is None or day < applied_on:
        raise DecisionError(
            f"the application was made on {applied_on}, after {day}.",
            where="--on",
            remedy="Give the day of the application, or a later one.",
        )
    connection.execute(
        "create or replace temp table case_row as select *, "
        f"date {literal(day)} as as_of from risk.decision_case "
        f"where application_key = {literal(key)}"
    )
    judges = _judges(connection, settings, day)
    inputs = judged(connection, settings, judges, "true").drop(columns="features")
    inputs = inputs.assign(run_id="dry", estimated_at=utc_now())
    connection.register("inputs_given", inputs)
    connection.execute(
        "create or replace temp table fresh_input as from risk.decision_input where false"
    )
    connection.execute("insert into fresh_input by name from inputs_given")
    _ask(connection, key, day, utc_now())
    until = dt.datetime.combine(as_of, dt.time.max) if as_of else None
    apply_rules(
        connection, Policy.read(connection, settings, until), inputs="fresh_input"
    )
    return _trail(connection, kept)


def _judges(
    connection: duckdb.DuckDBPyConnection, settings: Settings, day: dt.date
) -> Judges:
    """Read the models that were in force on a day, by the registry."""
    places = settings.places

    def newest(purpose: str, algorithm: str) -> str | None:
        row = connection.execute(
            """
            select model_version from audit.model_registry
            where purpose = ? and algorithm = ? and first_month_predicted <= ?
                and status <> 'refused'
            order by first_month_predicted desc, registered_at desc, model_version
            limit 1
            """,
            [purpose, algorithm, day],
        ).fetchone()
        return str(row[0]) if row else None

    def line(group: str) -> Named[Admission] | None:
        name = newest(admission.PURPOSE, f"line-{group}")
        if name is None:
            return None
        folder = model_folder(places, admission.PURPOSE, name)
        return Named(Admission.load(folder), name)

    amount = newest(limit.PURPOSE, "quantile-trees")
    folder = model_folder(places, limit.PURPOSE, amount or "")
    return Judges(
        existing=line(EXISTING),
        everyone=line(EVERYONE),
        limit=Named(LimitModel.load(folder), amount) if amount else None,
    )


def _ask(
    connection: duckdb.DuckDBPyConnection, key: str, day: dt.date, moment: dt.datetime
) -> None:
    connection.execute(
        "create or replace temp table asked as select $key as application_key, "
        "$day::date as as_of, $moment::timestamp as known_until",
        {"key": key, "day": day, "moment": moment},
    )


def _trail(connection: duckdb.DuckDBPyConnection, kept: Row | None) -> Trail:
    decision = first_row(connection, "decided")
    if decision is None:
        raise DecisionError(
            "what was known of the application was not kept.",
            where="risk.decision_input",
            remedy="Run the DAG `credit_decision` for it.",
        )
    differs: tuple[str, ...] = ()
    if kept is not None:
        skipped = _ANSWERED if kept["review_status"] == "overruled" else frozenset()
        differs = tuple(
            name
            for name, value in decision.items()
            # Copies published before bands of the score were followed have no columns.
            if name not in skipped | {"known_until"} and not _same(value, kept.get(name))
        )
    reasons = tuple(json.loads(str(decision["reason_codes"])))
    return Trail(decision, reasons, kept, differs)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        both_missing = math.isnan(one) and math.isnan(other)
        return both_missing or math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def _require_published(connection: duckdb.DuckDBPyConnection) -> None:
    row = connection.execute(
        "select count(*) from information_schema.tables where table_schema = 'risk' "
        "and table_name in ('decision_case', 'credit_decision', 'transaction_strategies')"
    ).fetchone()
    if not row or row[0] < 3:
        raise DecisionError(
            "no decision has been published yet.",
            where="serving copy",
            remedy="Run the DAG `credit_decision`.",
        )
