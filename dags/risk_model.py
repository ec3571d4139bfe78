"""Train the risk models, predict out of sample, and hand on what they cannot explain.

Monthly, once the warehouse has published the month: the first time the asset
`comove://marts` is updated for it. Later updates of the same month (the warehouse is
built daily) skip, and say so in the log of `open_run`; for late data trigger it by hand.
A warehouse run that a person asked for trains in any case. Months may be trained in any
order: a run uses only what was known at the end of its month, and gives the same rows.

By hand, the form says which month and which models. **Promote** is a person's decision
about the champion: it holds from the month after the newest one trained, until the next
decision, needs a reason, and is kept in `audit.model_promotion` with the name of who
triggered the run. Left empty, the decision stands as it is; without any, the rule chooses
(least log loss out of time). A challenger that fails its gate is never champion, whoever
asks for it.

A task that was killed is tried again. A refusal or a failed gate is not: the input has
to change first. What writes the warehouse runs in the pool `duckdb_writer`; training and
reports hold no lock.

What to do when a task has failed:

- **open_run** checks what was asked for. Its message names the wrong field of the form:
  correct it and trigger again. *Skipped* means that the month is trained already.
- **build_features** runs dbt on the features. Marts that failed their gate are refused:
  run the DAG `warehouse` to its end first. While the marts wait for their gate it tries
  again every half minute.
- **train** says in its log how far it is. Too few events is no failure: the PD is then
  not available, with the reason in the summary and in `audit.unavailable_model`.
- **train_application** does the same for the application score. Skipped when the form
  leaves out its purpose, as is `train`.
- **gate_models** records how challengers were judged, in `audit.quality_result` where
  `stage` is `risk_model`. A challenger that fails does not fail the run: the last
  champion goes on.
- **store** loads what was trained into `risk` and `audit.model_registry`, in one
  transaction.
- **build_risk** runs dbt on the risk tables. Its log names the model or the test.
- **gate_risk** judges the risk tables: `stage` is `risk` in `audit.quality_result`. What
  is published stays the last good copy.
- **publish** swaps the new risk tables in. It fails when the disk is full: free space
  and clear the task.
- **report** writes the pages under `reports`; no table waits for them. Clear the task.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

from datetime import timedelta

from airflow.sdk import Param, PartitionedAssetTimetable, dag

from comove_airflow import risk_stages as stages
from comove_airflow.assets import MARTS, RISK
from comove_airflow.form import month_field, portfolio_field
from comove_airflow.risk_request import ALGORITHMS, PROMOTIONS, PURPOSES
from comove_airflow.stage_operator import (
    DEFAULTS,
    LONG,
    WITHOUT_THE_WAREHOUSE,
    StageOperator,
)


@dag(
    dag_id="risk_model",
    dag_display_name="Risk models: predictions, scores, residuals",
    schedule=PartitionedAssetTimetable(assets=MARTS),
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["comove", "risk"],
    doc_md=__doc__,
    params={
        "month": month_field("As 2026-09. Empty: the last complete month."),
        "portfolio": portfolio_field(),
        "purposes": Param(
            list(PURPOSES),
            type="array",
            items={"type": "string"},
            examples=list(PURPOSES),
            values_display={
                "pd": "PD: event of a borrower in the coming month",
                "application": "Application score",
            },
            title="Purposes",
            description="Which models to train.",
        ),
        "algorithms": Param(
            list(ALGORITHMS),
            type="array",
            items={"type": "string"},
            examples=list(ALGORITHMS),
            title="Algorithms of the PD",
            description="Which to fit anew; the others take part with the models they "
            "have. The blend mixes the other two and needs both. An application model "
            "always fits both.",
        ),
        "promote": Param(
            None,
            type=["null", "string"],
            enum=[None, *PROMOTIONS],
            title="Promote",
            description="A decision about the champion of the purposes above, from the "
            "month to come on. Empty: none, what was decided before holds.",
        ),
        "promote_reason": Param(
            None,
            type=["null", "string"],
            title="Reason",
            description="Why. Needed for every decision; kept with your name.",
        ),
    },
)
def risk_model() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    features = StageOperator(
        task_id="build_features",
        run=stages.build_features,
        # Marts that are built and not yet published are worth waiting for.
        retries=10,
        retry_delay=timedelta(seconds=30),
    )
    trained = StageOperator(task_id="train", run=stages.train, **LONG)
    scored = StageOperator(
        task_id="train_application", run=stages.train_application, **LONG
    )
    models_gate = StageOperator(
        task_id="gate_models",
        run=stages.gate_models,
        # A purpose that nobody asked for is skipped.
        trigger_rule="none_failed_min_one_success",
    )
    stored = StageOperator(task_id="store", run=stages.store)
    built = StageOperator(task_id="build_risk", run=stages.build_risk)
    risk_gate = StageOperator(task_id="gate_risk", run=stages.gate_risk)
    published = StageOperator(task_id="publish", run=stages.publish, outlets=[RISK])
    reported = StageOperator(task_id="report", run=stages.report, **WITHOUT_THE_WAREHOUSE)
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> features >> [trained, scored] >> models_gate >> stored >> built
    built >> risk_gate >> published >> reported >> closed


RISK_MODEL = risk_model()
