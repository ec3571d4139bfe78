"""Assess overdue borrowers: their type, what they can repay, how to collect; and grade.

Monthly, once `risk_model` has published the month. Every borrower with something
overdue at the month's end is a case. A model, trained on cases whose outcome was known
before its months began, says whether it is of the target type (by default: repays at
least half of the overdue amount within 90 days). If so, repayment capacity = (liquid +
fixed assets - overdue amount) / overdue amount gives the rating, and the rating with
the amount gives the strategy of the seed `collection_strategies`; a strategy that costs
more than it may bring is replaced by a cheaper one, or by none. Every decision is kept
with its inputs and its reasons in `risk.overdue_assessment`. Earlier month ends nobody
has assessed are filled in by the model of their time; those assessed before stay. A month
that is run again replaces its own; what it replaces is kept.
Beside it every borrower is graded at each point of its loans' repayment cycles
(`risk.overdue_grade`).

By hand, **Borrower** names one borrower, by the lender's own id or by borrower_key, and
**Day** the day at whose end it is assessed (empty: the month's last). That takes seconds:
it is assessed as known then, by the model of that time, and published once the gate has
passed. A decision of the same borrower and day that it replaces is kept in
`risk.overdue_assessment_replaced`. `comove overdue BORROWER --on DAY` shows it. All
empty: the last complete month.

What to do when a task has failed:

- **open_run** checks what was asked for. Its message names the wrong field of the form:
  correct it and trigger again.
- **build_cases** runs dbt on cases and seed; its log names the table, the test or the
  row of `collection_strategies` to correct. Skipped for one borrower, as are **train**,
  grades and reports.
- **train** says in its log how far it is. Too few outcomes are no failure: the type is
  then not available, with the reason in the summary and in `audit.unavailable_model`. A
  model that fails its gate is refused; the one before goes on.
- **assess** writes decisions in one transaction. *The borrower was not overdue* names the
  last month end at which it was. *No month has been assessed yet*: run a month first.
- **gate_overdue** judges them, for one borrower too: `stage` is `overdue` in
  `audit.quality_result`. What is published stays the last good copy.
- **build_grades** and **gate_grades** do the same for grades (`stage` is
  `overdue_grade`).
- **publish** swaps both into the serving copy. Clear it.
- **report** and **report_grades** write the pages under `reports`. Clear the task.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

from airflow.sdk import Param, PartitionedAssetTimetable, dag

from comove_airflow import overdue_stages as stages
from comove_airflow.assets import OVERDUE, RISK
from comove_airflow.form import month_field, portfolio_field
from comove_airflow.stage_operator import (
    DEFAULTS,
    LONG,
    WITHOUT_THE_WAREHOUSE,
    StageOperator,
)


@dag(
    dag_id="overdue_assessment",
    dag_display_name="Overdue assessment: type, capacity, collection, grades",
    schedule=PartitionedAssetTimetable(assets=RISK),
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["comove", "risk"],
    doc_md=__doc__,
    params={
        "borrower": Param(
            None,
            type=["null", "string"],
            title="Borrower",
            description="borrower_id as in the lender's files, or borrower_key. Empty: "
            "all overdue borrowers of the month.",
        ),
        "on": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="At whose end the borrower is assessed, as 2026-09-15. Empty: "
            "the last day of the month.",
        ),
        "month": month_field(
            "As 2026-09. Empty: the last complete month, or that of the day."
        ),
        "portfolio": portfolio_field(),
    },
)
def overdue_assessment() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    built = StageOperator(task_id="build_cases", run=stages.build_cases)
    trained = StageOperator(task_id="train", run=stages.train, **LONG)
    assessed = StageOperator(
        task_id="assess",
        run=stages.assess,
        # One borrower needs neither cases nor a new model.
        trigger_rule="none_failed",
    )
    judged = StageOperator(task_id="gate_overdue", run=stages.gate_overdue)
    graded = StageOperator(task_id="build_grades", run=stages.build_grades)
    grades_judged = StageOperator(task_id="gate_grades", run=stages.gate_grades)
    published = StageOperator(
        task_id="publish",
        run=stages.publish,
        trigger_rule="none_failed",
        outlets=[OVERDUE],
    )
    reported = StageOperator(task_id="report", run=stages.report, **WITHOUT_THE_WAREHOUSE)
    grades_reported = StageOperator(
        task_id="report_grades", run=stages.report_grades, **WITHOUT_THE_WAREHOUSE
    )
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> built >> trained >> assessed >> [judged, graded]
    graded >> grades_judged
    [judged, grades_judged] >> published >> [reported, grades_reported] >> closed


OVERDUE_ASSESSMENT = overdue_assessment()
