"""The stages of the DAG `credit_decision`, as its tasks call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from comove_airflow.decision_request import wish_for
from comove_airflow.request import check_fields
from comove_airflow.review_approval import granted_instead
from comove_airflow.stage import (
    answer_given,
    for_month,
    gates,
    log,
    publish_schemas,
    settings_of,
    stage,
)
from comove_airflow.stage import close_run as close_run

if TYPE_CHECKING:
    from airflow.sdk import Context

    from comove.decision.request import Wish


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was asked for, and begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, wish = settings_of(context), _wish(context)
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=wish.month)
    return {"month": f"{wish.month:%Y-%m}", "portfolio": settings.portfolio}


@stage
def link_identities(context: Context) -> Any:
    """Find persons who have come back under a new id; keys and probabilities only."""
    from comove.decision.identity import link_identities

    if _is_ready(context):
        return {"reused": "the pairs found before"}
    return link_identities(settings_of(context), run_id=context["dag_run"].run_id)


@stage
def build_cases(context: Context) -> Any:
    """Build what applications are decided by; load and test the seed of strategies."""
    from comove.decision.applications import is_new
    from comove.quality.record import require_passed
    from comove.warehouse import Part, build_part

    settings, one = settings_of(context), _wish(context).application
    require_passed(settings, stage="risk", dag_id="risk_model")
    if _is_ready(context):
        return {"reused": "the cases built before"}
    if one and is_new(settings, one):
        # It has come since `risk_model` built features: no score knows it yet.
        build_part(Part.FEATURES, settings, run_id=context["dag_run"].run_id)
    return build_part(Part.DECISION_CASES, settings, run_id=context["dag_run"].run_id)


@stage
def export(context: Context) -> Any:
    """Write the cases as a file, and which of them nobody has decided on."""
    from comove.decision.applications import export_cases

    found = export_cases(
        settings_of(context), run_id=context["dag_run"].run_id, wish=_wish(context)
    )
    if found.why_none:
        log.info(found.why_none)
    return found


@stage
def estimate(context: Context) -> Any:
    """Ask the models of each application's time, without the warehouse."""
    found = context["ti"].xcom_pull(task_ids="export") or {}
    if not found.get("asked"):
        raise AirflowSkipException(found.get("why_none") or "Nothing is to be decided.")
    from comove.decision.estimate import estimate

    run_id = context["dag_run"].run_id
    return estimate(settings_of(context), run_id=run_id, tell=log.info)


@stage
def decide(context: Context) -> Any:
    """Decide by the rules, once for each application, and sum up what waits."""
    from comove.decision.decide import decide

    return decide(
        settings_of(context), run_id=context["dag_run"].run_id, wish=_wish(context)
    )


@stage
def build_outcome(context: Context) -> Any:
    """Build approval and limits by group, and test the decisions.

    Of one application nobody waits for that: it is counted with its month, and the gate
    judges it all the same.
    """
    from comove.warehouse import Part, build_part

    if _is_ready(context) and _is_counted(context):
        return {"reused": "the counts of the month before"}
    return build_part(
        Part.DECISION, settings_of(context), run_id=context["dag_run"].run_id
    )


@stage
def gate_decision(context: Context) -> Any:
    """Judge what was decided."""
    return gates(context, "credit_decision")


@stage
def publish(context: Context) -> Any:
    """Swap the decisions into the serving copy, once more judged.

    Runs may be open side by side: what another has written since this one was judged
    must not be published unseen.
    """
    gates(context, "credit_decision")
    return publish_schemas(context, "credit_decision", "identity", "audit")


@stage
def report(context: Context) -> Any:
    """Write the page of the month with its pictures."""
    from comove.decision.report import write_report

    return for_month(context, write_report)


@stage
def record_review(context: Context) -> Any:
    """Record the person's answer on the decisions, and follow it."""
    from comove.decision.review import Answer, record_answer

    asked = context["ti"].xcom_pull(task_ids="decide")
    return record_answer(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        wish=_wish(context),
        answer=Answer(
            **answer_given(context),
            **granted_instead(context["ti"].xcom_pull(task_ids="approve")),
            waiting_id=asked["waiting_id"],
        ),
    )


def _is_ready(context: Context) -> bool:
    """Whether one application was asked for, whose case is there: it is answered soon."""
    from comove.decision.applications import has_case

    one = _wish(context).application
    return one is not None and has_case(settings_of(context), one)


def _is_counted(context: Context) -> bool:
    from comove.connection import connect

    with connect(settings_of(context)) as connection:
        found = connection.execute(
            "select 1 from information_schema.tables "
            "where table_schema = 'risk' and table_name = 'decision_fairness'"
        ).fetchone()
    return found is not None


def _wish(context: Context) -> Wish:
    return wish_for(settings_of(context), context["params"], context["dag_run"])
