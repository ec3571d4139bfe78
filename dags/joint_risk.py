"""Fit the factor copula: who moves with whom, and how much riskier than a month ago.

Monthly, once `risk_model` has published the month: the first time the asset
`comove://risk` is updated for it. A run for a month fits the counts of events up to it
(and up to months before, to score what was said then on what happened since) and writes
the indices of the month after. Fits are kept by the content of their input: one that is
there already is not sampled again. Months may be run in any order; running one again
gives the same rows.

By hand, the form says which month, how many draws, which copula (gaussian or student_t)
and whether regions and industries have factors of their own (multi) or all borrowers one
(single). What is left empty is as in the settings.

A portfolio without a PD by month has no joint risk: *skipped* from `build_cells` on, with
the reason in the log, in the summary and in `audit.unavailable_model`. One with a single
month, or without any event, is skipped from `gate_fit` on, and told so. One too small to
tell its loadings is not skipped: it is fitted, its intervals are wide, and a warning says
how many events or months would suffice.

A task that was killed is tried again. A refusal or a failed gate is not: the input has
to change first. What writes the warehouse runs in the pool `duckdb_writer`; sampling,
deriving and the report hold no lock.

What to do when a task has failed:

- **open_run** checks what was asked for. Its message names the wrong field of the form:
  correct it and trigger again.
- **build_cells** counts events by region, industry, month and PD band with dbt, and
  writes the counts under `scratch/joint_risk`. Risk tables that are missing or failed
  their gate are refused: run the DAG `risk_model` to its end first.
- **fit** says in its log how far the chains are. Killed in between, it begins with the
  first posterior that is not yet there.
- **gate_fit** fails when the chains of the run's own posterior disagree: figures and
  remedy stand in its message, in `audit.posterior` and in `audit.quality_result` where
  `stage` is `joint_fit`. The fit is kept under `artifacts/posteriors` for study; what is
  published stays the last good one. Change what the message names, or the form, and
  trigger again. Fits of earlier months that fail are warnings: those months are not
  validated.
- **derive** works out indices, links, losses and validation into Parquet files. Clear it.
- **store** loads them into `risk`, in one transaction.
- **build_joint_risk** runs dbt on `risk.concentration`. Its log names the model or test.
- **gate_joint_risk** judges the tables: `stage` is `joint_risk` in
  `audit.quality_result`. What is published stays the last good copy.
- **publish** swaps the new tables in. It fails when the disk is full: free space and
  clear the task.
- **report** writes the page under `reports/joint_risk`; no table waits for it. Clear the
  task.
- **tell_unavailable** runs only where nothing was published, and tells the DAG
  `monthly_report` not to wait for a response to defaults. Clear the task.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

from airflow.sdk import Param, PartitionedAssetTimetable, dag

from comove.joint_risk.request import COPULAS, FACTORS
from comove_airflow import joint_stages as stages
from comove_airflow.assets import JOINT_RISK, RESPONSE, RISK
from comove_airflow.form import month_field, portfolio_field
from comove_airflow.joint_request import LEAST_DRAWS
from comove_airflow.stage_operator import (
    DEFAULTS,
    LONG,
    WITHOUT_THE_WAREHOUSE,
    StageOperator,
)


@dag(
    dag_id="joint_risk",
    dag_display_name="Joint risk: factor copula, index, links, losses",
    schedule=PartitionedAssetTimetable(assets=RISK),
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["comove", "risk"],
    doc_md=__doc__,
    params={
        "month": month_field(
            "Last month whose events are known, as 2026-09. Empty: the last "
            "complete month."
        ),
        "portfolio": portfolio_field(),
        "draws": Param(
            None,
            type=["null", "integer"],
            minimum=LEAST_DRAWS,
            title="Draws",
            description="Posterior draws kept of each chain. Empty: as in the settings.",
        ),
        "copula": Param(
            None,
            type=["null", "string"],
            enum=[None, *COPULAS],
            title="Copula",
            description="student_t lets all fall together more often than gaussian. "
            "Empty: as in the settings.",
        ),
        "factors": Param(
            None,
            type=["null", "string"],
            enum=[None, *FACTORS],
            title="Factors",
            description="multi: the nation, regions and industries; single: the nation. "
            "Empty: as in the settings.",
        ),
    },
)
def joint_risk() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    counted = StageOperator(task_id="build_cells", run=stages.build_cells)
    fitted = StageOperator(task_id="fit", run=stages.fit, **LONG)
    fits_gate = StageOperator(task_id="gate_fit", run=stages.gate_fit)
    derived = StageOperator(task_id="derive", run=stages.derive, **LONG)
    stored = StageOperator(task_id="store", run=stages.store)
    built = StageOperator(task_id="build_joint_risk", run=stages.build_joint_risk)
    tables_gate = StageOperator(task_id="gate_joint_risk", run=stages.gate_joint_risk)
    published = StageOperator(task_id="publish", run=stages.publish, outlets=[JOINT_RISK])
    reported = StageOperator(task_id="report", run=stages.report, **WITHOUT_THE_WAREHOUSE)
    told = StageOperator(
        task_id="tell_unavailable",
        run=stages.tell_unavailable,
        trigger_rule="all_skipped",
        outlets=[RESPONSE],
        **WITHOUT_THE_WAREHOUSE,
    )
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> counted >> fitted >> fits_gate >> derived >> stored >> built
    built >> tables_gate >> published >> [reported, told] >> closed


JOINT_RISK_DAG = joint_risk()
