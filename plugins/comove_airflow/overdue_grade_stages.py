"""The stages of overdue grades, as tasks of the DAG `overdue_assessment` call them.

In this order: `build_grades`, `gate_grades`, publishing (the part ``overdue_grade`` of
`publish_schemas`), `report_grades`. A request for one borrower writes nothing:
`comove.overdue_grade.answer.grade_on` reads the published copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comove_airflow.stage import close_run as close_run
from comove_airflow.stage import for_month, gates, log, month_of, settings_of, stage

if TYPE_CHECKING:
    from airflow.sdk import Context


@stage
def build_grades(context: Context) -> Any:
    """Grade every borrower at every observation point up to the month's end.

    A portfolio without instalments gets empty tables, and the reason why: `unavailable`
    of what is given back, and a row of `audit.unavailable_model`.
    """
    from comove.overdue_grade.build import build_grades

    return build_grades(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        month=month_of(context),
        tell=log.info,
    )


@stage
def gate_grades(context: Context) -> Any:
    """Judge weights, bounds, grades and transitions."""
    return gates(context, "overdue_grade")


@stage
def report_grades(context: Context) -> Any:
    """Write the page of grades from the published copy."""
    from comove.overdue_grade.report import write_report

    return for_month(context, write_report)
