"""Recalibrate the strategy of the score: performance, cause, candidates, approval.

When `score_drift` finds a drift that nobody has looked into yet, and by hand. A run
compares what the score foretold with what became of mature loans, month by month; says
which factor (policy, competition or management adjustments) the newest drift belongs to;
tries cut-offs and bands on loans whose outcome is known; and proposes a changed strategy
where something calls for a change and a candidate is surely better than what is in force.

**A changed strategy waits for a person.** The task `approve` shows why, the candidates
with their effects, and the bands before and after, under Required Actions. Only an
approval brings the new version into force, for what `credit_decision` decides from then
on; a rejection is recorded with who, when and why. Without an answer within
`recalibration_approval_days` the version stays proposed, and the next run asks again.

By hand, **Restore** names an old version of `risk.strategy_version`: it is proposed anew,
as a new version, and comes into force once approved. Nothing is assessed then. Versions
are never changed and never deleted.

What to do when a task has failed:

- **open_run** checks what was asked for. Its message names the wrong field of the form:
  correct it and trigger again.
- **load_strategy** loads and tests the seed `score_strategies`. Its log names the row to
  correct.
- **assess** needs the tables of `score_drift`: run that DAG for the month to its end
  first. Too few bad or good loans are no failure: the page says what is missing.
- **gate_recalibration** judges what was written: `stage` is `recalibration` in
  `audit.quality_result`. Nobody is asked, and nothing comes into force.
- **publish** swaps the tables into the serving copy. Clear it.
- **report** writes the page under `reports/recalibration`. Clear the task.
- **approve** asks, and asks once more if it could not hand on the answer.
- **decide** records the answer. *The version that was shown does not wait any more*:
  nothing was decided; run the DAG again.
- **publish_decision** does again what publish did.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

from datetime import timedelta

from airflow.sdk import Param, PartitionedAssetTimetable, dag

from comove.settings import Settings
from comove_airflow import recalibration_stages as stages
from comove_airflow.assets import NEW_DRIFT
from comove_airflow.form import month_field, portfolio_field
from comove_airflow.recalibration_approval import RecalibrationApproval
from comove_airflow.stage_operator import DEFAULTS, WITHOUT_THE_WAREHOUSE, StageOperator

APPROVAL = """
Approve: the proposed bands come into force at once, and `credit_decision` decides by them
from its next run on, where they are in points of our own score. Decisions of before stay;
the version before retires and can be restored. Reject: what is in force stays. Either is
recorded with your name.

Every candidate and its effect: [Score drift](/comove/score-drift), tables Recalibration
and Strategy versions; the report is linked above them.
"""


@dag(
    dag_id="recalibration",
    dag_display_name="Recalibration: performance, candidates, strategy, approval",
    schedule=PartitionedAssetTimetable(assets=NEW_DRIFT),
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["comove", "score"],
    doc_md=__doc__,
    params={
        "month": month_field(
            "Last cohort month looked at, as 2026-09. Empty: the last complete month."
        ),
        "portfolio": portfolio_field(),
        "restore": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Restore",
            description="Version of the strategy to propose anew, as in "
            "risk.strategy_version. Empty: assess the month.",
        ),
    },
)
def recalibration() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    loaded = StageOperator(task_id="load_strategy", run=stages.load_strategy)
    assessed = StageOperator(task_id="assess", run=stages.assess)
    judged = StageOperator(task_id="gate_recalibration", run=stages.gate_recalibration)
    published = StageOperator(task_id="publish", run=stages.publish)
    reported = StageOperator(task_id="report", run=stages.report, **WITHOUT_THE_WAREHOUSE)
    approved = RecalibrationApproval(
        task_id="approve",
        asked_by="assess",
        subject="Bring a changed strategy of the score into force",
        body=APPROVAL,
        params={
            "reason": Param(
                "",
                type="string",
                title="Reason",
                description="Kept with your decision.",
            )
        },
        response_timeout=timedelta(days=Settings().recalibration_approval_days),
        pool="default_pool",
        execution_timeout=None,
        # Should its process die: it asks once more.
        retries=1,
        doc_md=RecalibrationApproval.__doc__,
    )
    decided = StageOperator(task_id="decide", run=stages.decide)
    published_again = StageOperator(task_id="publish_decision", run=stages.publish)
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> loaded >> assessed >> judged >> published >> [reported, approved]
    approved >> decided >> published_again
    [reported, published_again] >> closed


RECALIBRATION = recalibration()
