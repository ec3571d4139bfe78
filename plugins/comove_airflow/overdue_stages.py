"""The stages of the DAG `overdue_assessment`, as its tasks call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from comove_airflow import overdue_grade_stages
from comove_airflow.overdue_request import wish_for
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
)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from comove.overdue.request import Wish


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was asked for, and begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, wish = settings_of(context), _wish(context)
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=wish.month)
    asked = "one borrower" if wish.borrower else "all"
    return {"month": f"{wish.month:%Y-%m}", "as_of": f"{wish.as_of}", "borrowers": asked}


@stage
def build_cases(context: Context) -> Any:
    """Build the cases of overdue borrowers; skipped where one borrower is asked for."""
    _skip_for_one(context, "its case is read when it is assessed.")
    from comove.overdue.cases import build_cases
    from comove.quality.record import require_passed

    settings = settings_of(context)
    require_passed(settings, stage="marts", dag_id="warehouse")
    return build_cases(
        settings,
        run_id=context["dag_run"].run_id,
        month=month_of(context),
        tell=log.info,
    )


@stage
def train(context: Context) -> Any:
    """Train the model of the type on known outcomes, and predict every case."""
    from comove.overdue.train import train_type

    return train_type(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        month=month_of(context),
        tell=log.info,
    )


@stage
def assess(context: Context) -> Any:
    """Decide about the month's overdue borrowers, or about the one asked for."""
    settings, wish = settings_of(context), _wish(context)
    run_id = context["dag_run"].run_id
    if wish.borrower:
        from comove.overdue.borrower import assess_borrower

        return assess_borrower(settings, run_id=run_id, wish=wish)
    from comove.overdue.assess import store_assessments

    _note_unavailable(context)
    return store_assessments(settings, run_id=run_id, wish=wish)


@stage
def gate_overdue(context: Context) -> Any:
    """Judge assessments, probabilities and outcomes: they are published as a whole."""
    return gates(context, "overdue")


@stage
def build_grades(context: Context) -> Any:
    """Grade every borrower at every observation point; skipped for one borrower."""
    _skip_for_one(context, "grades are read from the published copy.")
    return overdue_grade_stages.build_grades(context)


@stage
def gate_grades(context: Context) -> Any:
    """Judge weights, bounds, grades and transitions."""
    return overdue_grade_stages.gate_grades(context)


@stage
def publish(context: Context) -> Any:
    """Swap assessments and grades into the serving copy."""
    if _wish(context).borrower:
        return publish_schemas(context, "overdue", "audit")
    return publish_schemas(context, "overdue", "overdue_grade", "audit")


@stage
def report(context: Context) -> Any:
    """Write the page of the month with its pictures; skipped for one borrower."""
    _skip_for_one(context, "the page is of whole months.")
    from comove.overdue.report import write_report

    return for_month(context, write_report)


@stage
def report_grades(context: Context) -> Any:
    """Write the page of grades; skipped for one borrower."""
    _skip_for_one(context, "the page is of whole months.")
    return overdue_grade_stages.report_grades(context)


def _wish(context: Context) -> Wish:
    return wish_for(settings_of(context), context["params"], context["dag_run"])


def _skip_for_one(context: Context, why: str) -> None:
    if _wish(context).borrower:
        raise AirflowSkipException(f"One borrower is asked for: {why}")


def _note_unavailable(context: Context) -> None:
    """Record why there are no cases, or no model, for the page and the summary."""
    from comove.audit import note_unavailable
    from comove.overdue.cases import why_unavailable

    settings, run_id = settings_of(context), context["dag_run"].run_id
    trained = context["ti"].xcom_pull(task_ids="train") or {}
    reason = why_unavailable(settings) or trained.get("unavailable")
    note_unavailable(settings, run_id, {"overdue": reason} if reason else {})
    if reason:
        log.info(reason)
