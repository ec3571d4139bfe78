"""Report the month on one page and in one file to print, in words made from its numbers.

Monthly, once the last stages of the month are published: drift of the score, overdue
assessment, credit decisions, and the response to defaults (or the news that there is no
joint risk to respond to). A recalibration that the month's drift set off is reported as
far as it had come. Everything is read from the published copy; every figure names the
table, the run and the model it comes from, and no borrower appears. What the portfolio
does not have, or what has not run for the month, is named as not available.

Each run keeps its own report under `reports/monthly_report/<month>/<run>`; the same two
files beside these folders are the newest run's. A stage that is repaired alone sets off
no new report: trigger one by hand, the form says which month.

What to do when a task has failed:

- **open_run** checks what was asked for. Its message names the wrong field of the form:
  correct it and trigger again.
- **report** reads the published copy and writes the files. *Nothing has been published
  yet*: run the DAG `warehouse` first. It fails when the disk is full: free space and
  clear the task.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

from airflow.sdk import PartitionedAssetTimetable, dag

from comove_airflow import monthly_report_stages as stages
from comove_airflow.assets import DECISIONS, DRIFT, OVERDUE, RESPONSE
from comove_airflow.form import month_field, portfolio_field
from comove_airflow.stage_operator import DEFAULTS, WITHOUT_THE_WAREHOUSE, StageOperator


@dag(
    dag_id="monthly_report",
    dag_display_name="Monthly report: the month in words, figures and pictures",
    schedule=PartitionedAssetTimetable(assets=RESPONSE & DRIFT & OVERDUE & DECISIONS),
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["comove", "report"],
    doc_md=__doc__,
    params={
        "month": month_field("Reported, as 2026-09. Empty: the last complete month."),
        "portfolio": portfolio_field(),
    },
)
def monthly_report() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    reported = StageOperator(task_id="report", run=stages.report, **WITHOUT_THE_WAREHOUSE)
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> reported >> closed


MONTHLY_REPORT = monthly_report()
