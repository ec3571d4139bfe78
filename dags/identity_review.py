"""Judge whether two borrower ids are one person; by hand only.

Record linkage takes sure pairs for one person and leaves the others to people: they
stand in `risk.identity_review`, page Decisions, with both keys and the probability. Name
both, by the lender's own ids or by their keys, and say what they are. A pair the rule has
linked can be told apart in the same way, and a verdict can be taken back by another.
Later runs find the pair again and leave it as it was judged; who, when and why is kept.

From the next run of `credit_decision` on, applications of either key are decided with the
history of both (or of neither). Decisions that were made stay as they were made; one that
waits for a person still does.

What to do when a task has failed:

- **open_run** checks the form. Its message names the wrong field.
- **settle** writes the verdict in one transaction. *There is no borrower with this id*:
  capitals count. *Nothing was found that speaks for these two being one person*: they
  share too little for a link; nothing was written.
- **publish** swaps links and pairs into the serving copy. Clear it.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

from airflow.sdk import Param, dag

from comove_airflow import identity_stages as stages
from comove_airflow.form import portfolio_field
from comove_airflow.stage_operator import DEFAULTS, StageOperator


@dag(
    dag_id="identity_review",
    dag_display_name="Identity review: one person under two ids, or two",
    schedule=None,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["comove", "score"],
    doc_md=__doc__,
    params={
        "borrower": Param(
            None,
            type=["null", "string"],
            title="Borrower",
            description="borrower_id as in the lender's files, or borrower_key.",
        ),
        "other": Param(
            None,
            type=["null", "string"],
            title="Other id",
            description="The other id of the pair, or its key; their order does not "
            "matter.",
        ),
        "verdict": Param(
            stages.DIFFERENT,
            type="string",
            enum=[stages.SAME, stages.DIFFERENT],
            title="They are",
            description="What both ids are.",
        ),
        "reason": Param(
            "", type="string", title="Reason", description="Kept with the verdict."
        ),
        "portfolio": portfolio_field(),
    },
)
def identity_review() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    settled = StageOperator(task_id="settle", run=stages.settle)
    published = StageOperator(task_id="publish", run=stages.publish)
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> settled >> published >> closed


IDENTITY_REVIEW = identity_review()
