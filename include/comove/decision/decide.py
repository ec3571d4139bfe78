"""Making decisions, once for each application, in one transaction."""

import datetime as dt
import json
from dataclasses import dataclass, field

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, literal, utc_now
from comove.decision import admission, limit
from comove.decision.applications import application_key
from comove.decision.guard import require_sound
from comove.decision.policy import Policy
from comove.decision.request import Wish
from comove.decision.review import Waiting, ask_about_reviews
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
    decided, admitted, refused, controlled, historical : int
        New decisions of the run; of these proposed to be admitted, to be refused; under
        lending control; only told beside what the lender itself has decided long ago.
    refused_at : dict of str to int
        Refused ones by the step that refused.
    reviews_waiting : int
        Decisions to be confirmed, those of earlier runs among them.
    waiting_id : str
        Of the question about these: an answer holds for no others.
    evidence : str
        The same for a person to read, as Markdown: counts by step, or of one application
        what was decided and why; no name and no key.
    """

    decided: int
    admitted: int
    refused: int
    controlled: int
    historical: int
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
        When the seed of strategies is not there, or a decision would not pass the gate:
        nothing is written then.
    """
    folder = run_folder(settings, run_id)
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        ensure_decision_tables(connection)
        now = utc_now()
        policy = Policy.read(connection, settings, now)
        connection.execute("begin")
        if (folder / INPUTS).is_file():
            policy.keep(connection, run_id)
            keep_controls(connection, now)
            _write_inputs(connection, str(folder / INPUTS), run_id)
            _write_decisions(connection, policy, wish, run_id, now)
            require_sound(connection, run_id=run_id)
        if (folder / MODELS).is_file():
            _register(connection, settings, json.loads((folder / MODELS).read_text()),
                      wish, run_id)  # fmt: skip
        key = (
            application_key(connection, settings, wish.application)
            if wish.application
            else None
        )
        waiting = ask_about_reviews(connection, key, run_id=run_id)
        connection.execute("commit")
        return _report(connection, run_id, waiting)


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
    connection: duckdb.DuckDBPyConnection,
    policy: Policy,
    wish: Wish,
    run_id: str,
    now: dt.datetime,
) -> None:
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
        _WRITE,
        {
            "single": wish.application is not None,
            "month": wish.month,
            "hash": policy.policy_hash,
            "run": run_id,
            "now": now,
        },
    )


# What the lender itself decided before decisions were first made here for a month as it
# ended is told beside its own decision and replaces nothing. Everything else is final
# only where no person has to look, or once one has.
_WRITE = """
    insert into risk.credit_decision by name
    with begun as (
        select least(min(cohort_month), $month) as first_month
        from risk.credit_decision where origin = 'month'
    )

    select
        decided.*,
        case
            when $single then 'request'
            when decided.cohort_month = $month then 'month'
            else 'backfill'
        end as origin,
        case
            when
                not $single
                and cases.is_decided_by_lender
                and decided.cohort_month < begun.first_month
                then 'historical'
            when needs_review then 'waiting'
            else 'not needed'
        end as review_status,
        if(review_status = 'not needed', proposed_decision, null) as final_decision,
        $hash as policy_hash,
        $run as run_id,
        $now as decided_at
    from decided
    cross join begun
    left join risk.decision_case as cases using (application_key)
"""


def _select(relation: str) -> str:
    return f"select * from {relation}"  # noqa: S608 - names of ours


def _register(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    models: list[dict[str, object]],
    wish: Wish,
    run_id: str,
) -> None:
    """Register the models of the run; of each kind the newest ever is in force.

    A run that decides late applications uses models of their time: those retire nothing.
    """
    newest = _newest_registered(connection)
    passed = [one for one in models if one.get("status") != "refused"]
    for one in passed:
        kind, first = str(one["algorithm"]), str(one["first_month_predicted"])
        newest[kind] = max(newest.get(kind, ""), first)
    told = [
        one
        | {
            "status": "champion"
            if str(one["first_month_predicted"]) == newest[str(one["algorithm"])]
            else "retired"
        }
        for one in passed
    ]
    # Those that failed their gate are registered as what they are, and judge nobody.
    told += [one for one in models if one.get("status") == "refused"]
    register_models(connection, settings, told, run_id, wish.month)


def _newest_registered(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """First month of the newest model in the registry, by algorithm."""
    rows = connection.execute(
        "select algorithm, max(first_month_predicted)::varchar "
        "from audit.model_registry where purpose in (?, ?) and status <> 'refused' "
        "group by algorithm",
        [admission.PURPOSE, limit.PURPOSE],
    ).fetchall()
    return dict(rows)


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
            count(*) filter (review_status = 'historical')
        from risk.credit_decision where run_id = ?
        """,
        [run_id],
    ).fetchone()
    steps = connection.execute(
        "select refused_at, count(*) from risk.credit_decision "
        "where run_id = ? and refused_at is not null group by all order by 2 desc",
        [run_id],
    ).fetchall()
    decided, admitted, refused, controlled, historical = row or (0, 0, 0, 0, 0)
    return DecideReport(
        decided=int(decided),
        admitted=int(admitted),
        refused=int(refused),
        controlled=int(controlled),
        historical=int(historical),
        reviews_waiting=waiting.reviews,
        waiting_id=waiting.waiting_id,
        evidence=waiting.evidence,
        refused_at={str(step): int(n) for step, n in steps},
    )
