"""Making decisions, once for each application, in one transaction."""

import json
from dataclasses import dataclass, field

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, literal, utc_now
from comove.decision.applications import application_key
from comove.decision.policy import Policy
from comove.decision.request import Wish
from comove.decision.review import Waiting, waiting_reviews
from comove.decision.rules import apply_rules, keep_controls
from comove.decision.scratch import INPUTS, MODELS, run_folder
from comove.decision.tables import ensure_decision_tables
from comove.risk_model.store import register_models
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings


@dataclass(frozen=True)
class DecideReport:
    """What was decided, and what waits for a person.

    Parameters
    ----------
    decided, admitted, refused, controlled, backfilled : int
        New decisions of the run; of these admitted, refused, changed by lending control,
        of months before the run's.
    refused_at : dict of str to int
        Refused ones by the step that refused.
    reviews_waiting : int
        Decisions to be confirmed, those of earlier runs among them.
    waiting_id : str
        Hash of these: an answer holds for no others.
    evidence : str
        The same for a person to read, as Markdown; counts and reasons only.
    """

    decided: int
    admitted: int
    refused: int
    controlled: int
    backfilled: int
    reviews_waiting: int
    waiting_id: str
    evidence: str
    refused_at: dict[str, int] = field(default_factory=dict)


def decide(settings: Settings, *, run_id: str, wish: Wish) -> DecideReport:
    """Decide what the run's models have judged; a second time adds nothing.

    Parameters
    ----------
    settings : Settings
        Say which home, and the policy's numbers.
    run_id : str
        Kept with what is new; names the folder `estimate` wrote.
    wish : Wish
        What was asked for.

    Returns
    -------
    DecideReport
        Counts of the run, and what waits.

    Raises
    ------
    DecisionError
        When the seed of strategies is not there.
    """
    folder = run_folder(settings, run_id)
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        ensure_decision_tables(connection)
        policy = Policy.read(connection, settings)
        connection.execute("begin")
        if (folder / INPUTS).is_file():
            policy.keep(connection, run_id)
            keep_controls(connection)
            _write_inputs(connection, str(folder / INPUTS), run_id)
            _write_decisions(connection, policy, wish, run_id)
        if (folder / MODELS).is_file():
            _register(connection, settings, json.loads((folder / MODELS).read_text()),
                      wish, run_id)  # fmt: skip
        key = (
            application_key(connection, settings, wish.application)
            if wish.application
            else None
        )
        connection.execute("commit")
        return _report(connection, run_id, waiting_reviews(connection, key))


def _write_inputs(connection: duckdb.DuckDBPyConnection, file: str, run_id: str) -> None:
    connection.execute(
        f"""
        insert into risk.decision_input by name
        select *, {literal(run_id)} as run_id
        from read_parquet({literal(file)})
        where application_key not in (select application_key from risk.decision_input)
        """  # noqa: S608 - a file of ours
    )


def _write_decisions(
    connection: duckdb.DuckDBPyConnection, policy: Policy, wish: Wish, run_id: str
) -> None:
    now = utc_now()
    connection.execute(
        """
        create or replace temp table asked as
        select application_key, as_of, $now::timestamp as known_until
        from risk.decision_input
        where application_key not in (select application_key from risk.credit_decision)
        """,
        {"now": now},
    )
    inputs = "risk.decision_input semi join asked using (application_key, as_of)"
    apply_rules(connection, policy, inputs=f"({_select(inputs)})")
    connection.execute(
        """
        insert into risk.credit_decision by name
        select
            decided.*,
            case
                when $single then 'request'
                when cohort_month = $month then 'month'
                else 'backfill'
            end as origin,
            case
                when not needs_review then 'not needed'
                when not $single and cohort_month <> $month then 'not asked'
                else 'waiting'
            end as review_status,
            if(
                needs_review and ($single or cohort_month = $month), null,
                proposed_decision
            ) as final_decision,
            $hash as policy_hash,
            $run as run_id,
            $now as decided_at
        from decided
        """,
        {
            "single": wish.application is not None,
            "month": wish.month,
            "hash": policy.policy_hash,
            "run": run_id,
            "now": now,
        },
    )


def _select(relation: str) -> str:
    return f"select * from {relation}"  # noqa: S608 - names of ours


def _register(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    models: list[dict[str, object]],
    wish: Wish,
    run_id: str,
) -> None:
    """Register the models of the run; of each kind the newest is in force."""
    newest: dict[object, object] = {}
    for one in models:
        first = str(one["first_month_predicted"])
        newest[one["algorithm"]] = max(str(newest.get(one["algorithm"], "")), first)
    told = [
        one
        | {
            "status": "champion"
            if str(one["first_month_predicted"]) == newest[one["algorithm"]]
            else "retired"
        }
        for one in models
    ]
    register_models(connection, settings, told, run_id, wish.month)


def _report(
    connection: duckdb.DuckDBPyConnection, run_id: str, waiting: Waiting
) -> DecideReport:
    row = connection.execute(
        """
        select
            count(*),
            count(*) filter (proposed_decision = 'admit'),
            count(*) filter (proposed_decision = 'refuse'),
            count(*) filter (control_applied is not null),
            count(*) filter (origin = 'backfill')
        from risk.credit_decision where run_id = ?
        """,
        [run_id],
    ).fetchone()
    steps = connection.execute(
        "select refused_at, count(*) from risk.credit_decision "
        "where run_id = ? and refused_at is not null group by all order by 2 desc",
        [run_id],
    ).fetchall()
    decided, admitted, refused, controlled, backfilled = row or (0, 0, 0, 0, 0)
    return DecideReport(
        decided=int(decided),
        admitted=int(admitted),
        refused=int(refused),
        controlled=int(controlled),
        backfilled=int(backfilled),
        reviews_waiting=waiting.reviews,
        waiting_id=waiting.waiting_id,
        evidence=waiting.evidence,
        refused_at={str(step): int(n) for step, n in steps},
    )
