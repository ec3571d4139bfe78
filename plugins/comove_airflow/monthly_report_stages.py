"""The stages of the DAG `monthly_report`, as its tasks call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comove_airflow.request import check_fields, check_portfolio
from comove_airflow.stage import close_run as close_run
from comove_airflow.stage import for_month, month_of, settings_of, stage

if TYPE_CHECKING:
    from airflow.sdk import Context


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was asked for, and begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, month = settings_of(context), month_of(context)
    check_portfolio(settings, context["params"].get("portfolio"))
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=month)
    return {"month": f"{month:%Y-%m}"}


@stage
def report(context: Context) -> Any:
    """Write page and print of the month from the published copy."""
    from comove.monthly_report.report import write_report

    return for_month(context, write_report)
