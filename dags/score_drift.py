"""Follow the application score down the funnel and over months: where it drifts, and why.

Monthly, once `risk_model` has published the month: the first time the asset
`comove://risk` is updated for it. A run for a month builds the whole matrix up to it, as
known at its end: stages of the funnel by cohort month of the credit application, with the
policy label (every application) and the performance label (mature loans). The matrix is
that of the run's month; running a month again gives the same rows.

By hand, the form says which month and whose score: `own` (comove's) or `lender` (the one
delivered with the applications). What is left empty is as in the settings.

A stage the portfolio does not record is shown as not available. Without any score that
tells good from bad anywhere, the run succeeds, and the page, the summary and
`audit.unavailable_model` say why.

What to do when a task has failed:

- **open_run** checks what was asked for. Its message names the wrong field of the form:
  correct it and trigger again.
- **build_drift** labels applications, counts and measures with dbt, and computes the
  intervals. Risk tables that are missing or failed their gate are refused: run the DAG
  `risk_model` to its end first. Its log names the model or test that failed.
- **gate_drift** judges the tables: `stage` is `score_drift` in `audit.quality_result`.
  What is published stays the last good copy. Thin cells and missing labels are warnings.
- **publish** swaps the new tables in. It fails when the disk is full: free space and
  clear the task.
- **report** writes page and print under `reports/score_drift`; no table waits for it.
  Clear the task.
- **tell_drift** sets off the DAG `recalibration` where a drift is new. Skipped where none
  is, with the reason in the log. Clear the task.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

from airflow.sdk import Param, PartitionedAssetTimetable, dag

from comove_airflow import drift_stages as stages
from comove_airflow.assets import DRIFT, NEW_DRIFT, RISK
from comove_airflow.drift_request import SCORES
from comove_airflow.form import month_field, portfolio_field
from comove_airflow.stage_operator import DEFAULTS, WITHOUT_THE_WAREHOUSE, StageOperator


@dag(
    dag_id="score_drift",
    dag_display_name="Score drift: funnel, cohorts, labels, matrix",
    schedule=PartitionedAssetTimetable(assets=RISK),
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["comove", "score"],
    doc_md=__doc__,
    params={
        "month": month_field(
            "Last cohort month, as 2026-09; nothing later is known. Empty: "
            "the last complete month."
        ),
        "portfolio": portfolio_field(),
        "score": Param(
            None,
            type=["null", "string"],
            enum=[None, *SCORES],
            title="Score",
            description="own: comove's; lender: as delivered with the applications. "
            "Empty: as in the settings.",
        ),
    },
)
def score_drift() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    built = StageOperator(task_id="build_drift", run=stages.build_drift)
    judged = StageOperator(task_id="gate_drift", run=stages.gate_drift)
    published = StageOperator(task_id="publish", run=stages.publish, outlets=[DRIFT])
    reported = StageOperator(task_id="report", run=stages.report, **WITHOUT_THE_WAREHOUSE)
    told = StageOperator(task_id="tell_drift", run=stages.tell_drift, outlets=[NEW_DRIFT])
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> built >> judged >> published >> [reported, told] >> closed


SCORE_DRIFT = score_drift()
