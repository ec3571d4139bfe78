"""The stages of the DAG `recalibration`, as its tasks call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comove_airflow.recalibration_request import wish_for
from comove_airflow.request import check_fields
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

    from comove.recalibration.request import Wish


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was asked for, and begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, wish = settings_of(context), _wish(context)
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=wish.month)
    return {"month": f"{wish.month:%Y-%m}", "restore": str(wish.restore or "")}


@stage
def load_strategy(context: Context) -> Any:
    """Load the seed of the strategy, and test it and what versions were made of it."""
    from comove.connection import connect
    from comove.recalibration.tables import ensure_recalibration_tables
    from comove.warehouse import Part, build_part

    settings = settings_of(context)
    with connect(settings) as connection:
        ensure_recalibration_tables(connection)
    return build_part(Part.RECALIBRATION, settings, run_id=context["dag_run"].run_id)


@stage
def assess(context: Context) -> Any:
    """Compare prediction and outcome, try candidates, and propose what is better."""
    from comove.audit import note_unavailable
    from comove.quality.record import require_passed
    from comove.recalibration.assess import assess

    settings, run_id = settings_of(context), context["dag_run"].run_id
    require_passed(settings, stage="score_drift", dag_id="score_drift")
    report = assess(settings, run_id=run_id, wish=_wish(context))
    reason = report.why_none
    note_unavailable(settings, run_id, {"recalibration": reason} if reason else {})
    if reason:
        log.info(reason)
    return report


@stage
def gate_recalibration(context: Context) -> Any:
    """Judge candidates, factors and versions."""
    return gates(context, "recalibration")


@stage
def publish(context: Context) -> Any:
    """Swap candidates, factors and versions into the serving copy."""
    return publish_schemas(context, "recalibration", "audit")


@stage
def report(context: Context) -> Any:
    """Write the page of the month with its pictures."""
    from comove.recalibration.report import write_report

    return for_month(context, write_report)


@stage
def decide(context: Context) -> Any:
    """Record the person's answer; an approved version comes into force."""
    from comove.recalibration.approval import decide
    from comove.recalibration.versions import Answer

    asked = context["ti"].xcom_pull(task_ids="assess")
    return decide(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        answer=Answer(
            version=asked["version"],
            content_hash=asked["content_hash"],
            **answer_given(context),
        ),
    )


def _wish(context: Context) -> Wish:
    return wish_for(settings_of(context), context["params"], context["dag_run"])
