"""Respond to defaults: who is linked to them, and what is done about it.

Monthly, once `joint_risk` has published the month: every new default event of the month
and those before it (`response_lookback_months`; `marts.fct_borrower_month.is_event`, not
yet in `risk.default_event`) is linked to the debtors that move with it, and each linked
debtor gets the strategy of its interval in the seed `risk_strategies`. Responding twice
to a default adds nothing.

By hand, **Borrower** names one borrower, by the lender's own id or by borrower_key. With
a month: its event of that month. Without: a borrower at risk in the month to come is
reported to have defaulted now, before the data can know; any other is taken at its event
of the last complete month, and refused where it had none: an older event wants its month.
All empty: the new events of the last complete month and those looked back to. An id typed
into the form stays in Airflow's record of the run; the key says no name.

**Freezes wait for a person.** The task `approve` shows how many debtors, how much
exposure and how large an index, under Required Actions. Rejected: nothing happens, and
who rejected it, when and why is recorded. Without an answer within
`response_approval_days` the freezes stay proposed, and the next run asks again. Actions
by rule (collection, rules for applications) do not wait for it, and other runs do not
either: up to 16 may be open, each asking about all freezes nobody has decided on. The
first answer to a freeze stands.

What to do when a task has failed:

- **open_run** checks what was asked for. Its message names the wrong field of the form:
  correct it and trigger again.
- **find_events** names the borrower's last event where the form asks for another month,
  and the month to fit where there is no posterior: run `joint_risk` for it. Where nobody
  asked, a posterior that lacks is no failure: the summary says what is not available, and
  a later run answers the events.
- **link** computes links from two posteriors without holding the warehouse. Skipped where
  there is no new event. More links than `response_max_links` are refused, not cut off.
- **load_strategies** loads and tests the seed. Its log names the row to correct.
- **respond** writes events, links, actions and rules in one transaction. Clear it.
- **gate_response** judges them: `stage` is `default_response` in `audit.quality_result`.
- **publish** judges once more, since another run may have written meanwhile, and swaps
  them into the serving copy.
- **export** writes `reports/default_response/<month>`. Clear the task.
- **announce** tells the addresses of `notify_urls`; one that fails is a warning.
- **approve** asks, and asks once more if it could not hand on the answer.
- **decide** records the answer, for the freezes that were shown and that nobody has
  decided on since. *The freezes that wait are not those that were shown*: nothing was
  decided; run the DAG again. *Had been decided before*: the first answer stands.
- **publish_decision** and **export_decision** do again what publish and export did.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

from datetime import timedelta

from airflow.sdk import Param, PartitionedAssetTimetable, dag

from comove.settings import Settings
from comove_airflow import response_stages as stages
from comove_airflow.assets import JOINT_RISK, RESPONSE
from comove_airflow.form import month_field, portfolio_field
from comove_airflow.freeze_approval import FreezeApproval
from comove_airflow.stage_operator import DEFAULTS, WITHOUT_THE_WAREHOUSE, StageOperator

APPROVAL = """
Approve: new limits and drawings of these debtors stop, and applications that share region
and industry with the fallen borrower are refused for as long as the strategy says.
Reject: nothing happens. Either is recorded with your name.

Every freeze with its event, index and exposure: [Joint risk](/comove/joint-risk), table
Actions, search for `proposed`.
"""


@dag(
    dag_id="default_response",
    dag_display_name="Default response: linked debtors, strategies, approval",
    schedule=PartitionedAssetTimetable(assets=JOINT_RISK),
    # A freeze may wait for days; the next default must not wait with it. What opens the
    # warehouse still waits for the only writer.
    max_active_runs=16,
    default_args=DEFAULTS,
    tags=["comove", "risk"],
    doc_md=__doc__,
    params={
        "borrower": Param(
            None,
            type=["null", "string"],
            title="Borrower",
            description="borrower_id as in the lender's files, or borrower_key. Empty: "
            "all new default events of the month.",
        ),
        "month": month_field(
            "Of the default, as 2026-09. Empty: the last complete month; for "
            "a borrower at risk now the month to come."
        ),
        "portfolio": portfolio_field(),
    },
)
def default_response() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    found = StageOperator(task_id="find_events", run=stages.find_events)
    linked = StageOperator(task_id="link", run=stages.link, **WITHOUT_THE_WAREHOUSE)
    loaded = StageOperator(task_id="load_strategies", run=stages.load_strategies)
    responded = StageOperator(
        task_id="respond",
        run=stages.respond,
        # Without a new event there is nothing to link; freezes may wait all the same.
        trigger_rule="none_failed",
    )
    judged = StageOperator(task_id="gate_response", run=stages.gate_response)
    published = StageOperator(task_id="publish", run=stages.publish, outlets=[RESPONSE])
    exported = StageOperator(task_id="export", run=stages.export, **WITHOUT_THE_WAREHOUSE)
    announced = StageOperator(
        task_id="announce", run=stages.announce, **WITHOUT_THE_WAREHOUSE
    )
    approved = FreezeApproval(
        task_id="approve",
        asked_by="respond",
        subject="Freeze the limits of debtors linked to defaults",
        body=APPROVAL,
        params={
            "reason": Param(
                "",
                type="string",
                title="Reason",
                description="Kept with your decision.",
            )
        },
        response_timeout=timedelta(days=Settings().response_approval_days),
        pool="default_pool",
        execution_timeout=None,
        # Should its process die: it asks once more.
        retries=1,
        doc_md=FreezeApproval.__doc__,
    )
    decided = StageOperator(task_id="decide", run=stages.decide)
    published_again = StageOperator(task_id="publish_decision", run=stages.publish)
    exported_again = StageOperator(
        task_id="export_decision", run=stages.export, **WITHOUT_THE_WAREHOUSE
    )
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> found >> [linked, loaded] >> responded >> judged >> published
    published >> [exported, announced, approved]
    approved >> decided >> published_again >> exported_again
    [exported, announced, exported_again] >> closed


DEFAULT_RESPONSE = default_response()
