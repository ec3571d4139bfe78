"""The stages of the DAG `score_drift`, as its tasks call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from comove_airflow.drift_request import score_for
from comove_airflow.request import check_fields
from comove_airflow.stage import close_run as close_run
from comove_airflow.stage import (
    for_month,
    gates,
    log,
    month_of,
    publish_schemas,
    settings_of,
    stage,
    tell_followers,
)

if TYPE_CHECKING:
    from airflow.sdk import Context


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was asked for, and begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, month = settings_of(context), month_of(context)
    score = score_for(settings, context["params"])
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=month)
    return {"month": f"{month:%Y-%m}", "score": score}


@stage
def build_drift(context: Context) -> Any:
    """Label applications, and measure the score at every stage, month and label."""
    from comove.audit import note_unavailable
    from comove.quality.frames import NOT_AVAILABLE
    from comove.quality.record import require_passed
    from comove.score_drift.build import build_drift

    settings, run_id = settings_of(context), context["dag_run"].run_id
    require_passed(settings, stage="risk", dag_id="risk_model")
    built = build_drift(
        settings,
        run_id=run_id,
        month=month_of(context),
        score=score_for(settings, context["params"]),
        tell=log.info,
    )
    # Page and summary say of all their reasons that something is not available.
    reason = (built.unavailable or "").removeprefix(f"{NOT_AVAILABLE}: ")
    note_unavailable(settings, run_id, {"score_drift": reason} if reason else {})
    return built


@stage
def gate_drift(context: Context) -> Any:
    """Judge funnel, labels and matrix."""
    return gates(context, "score_drift")


@stage
def publish(context: Context) -> Any:
    """Swap the finished tables into the serving copy."""
    return publish_schemas(context, "score_drift", "audit")


@stage
def report(context: Context) -> Any:
    """Write the page of the run and the file to print."""
    from comove.score_drift.report import write_report

    return for_month(context, write_report)


@stage
def tell_drift(context: Context) -> Any:
    """Set off the recalibration where a drift is new; skipped where there is none."""
    from comove.recalibration.news import new_drift

    found = new_drift(settings_of(context), month=month_of(context))
    if found.why_not:
        raise AirflowSkipException(found.why_not)
    tell_followers(context)
    return found
