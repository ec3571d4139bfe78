"""Decide on applications: who, whether, how much, under which strategy, and why.

Monthly, once `risk_model` has published the month: every application of the last
`decision_window_months` that has no decision yet. Each is decided as of its own day: by
models that had learned from outcomes known before, and by the rules of lending control
in force then and written by now. A decision is made once; running again adds nothing.

By hand, **Application** names one application, by the lender's own id or by
application_key, also of a month that is not over: it may have come today. An id typed
into the form stays in Airflow's record of the run; the key says no name. Decided before
and not final, or refused, also by a person, it is asked about again.

**Refusals, and what is uncertain, wait for a person**, whatever their month. The task
`approve` asks under Required Actions; of one application it shows how it was decided.
Approve: the decisions stand. Reject, after a month's run: none is final, each is returned
to be decided one by one with this form. Reject, for one application: its decision is
turned round, with the limit and strategy the person gives; lending control holds all the
same. What the lender itself decided before its first month here is `historical`: our
decision stands beside it and is never final, unless somebody asks for it by name. Up to
16 runs may be open, each asking; the first answer to an application stands. Without an
answer within `review_approval_days` decisions keep waiting, and the next run asks again.

What to do when a task has failed:

- **open_run** checks what was asked for. Its message names the wrong field of the form.
- **link_identities** compares names, birth dates and addresses in the warehouse and
  keeps keys and probabilities only. Clear it.
- **build_cases** needs `risk_model` of the month: run it to its end first. It also loads
  the seed `transaction_strategies`; its log names the row to correct. For an application
  that has come since, it builds the features too.
- **export** says what became of an application that is not there.
- **estimate** fits models without holding the warehouse. Skipped where every application
  has its decision.
- **decide** writes decisions in one transaction. *Would not pass their gate*: nothing was
  written; do what it says and run the DAG again. Else clear it.
- **build_outcome** builds approval by group and tests the decisions. Clear it.
- **gate_decision** judges them: `stage` is `credit_decision` in `audit.quality_result`.
- **publish** judges once more, since another run may have written meanwhile, and swaps
  them into the serving copy; **report** writes the page.
- **approve** asks, and asks once more if it could not hand on the answer.
- **record_review** records the answer, for the decisions that were shown and that nobody
  has answered on since. *Not those that were shown*, or a limit or strategy that cannot
  be: nothing was recorded; run the DAG again. *Had been answered before*: the first
  answer stands.
- **publish_review** does again what publish did.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

from datetime import timedelta

from airflow.sdk import Param, PartitionedAssetTimetable, dag

from comove.settings import Settings
from comove_airflow import decision_stages as stages
from comove_airflow.assets import DECISIONS, RISK
from comove_airflow.form import month_field, portfolio_field
from comove_airflow.review_approval import ReviewApproval
from comove_airflow.stage_operator import (
    DEFAULTS,
    LONG,
    WITHOUT_THE_WAREHOUSE,
    StageOperator,
)

APPROVAL = """
Approve: the decisions become final as proposed. Reject: after a month's run none becomes
final, and each is returned to be decided one by one; for one application its decision is
turned round, as far as lending control allows. Either is recorded with your name.

Every case with its reasons: [Decisions](/comove/decisions), search for `waiting`.
"""


@dag(
    dag_id="credit_decision",
    dag_display_name="Credit decision: admission, limit, control, strategy, review",
    schedule=PartitionedAssetTimetable(assets=RISK),
    # Every month has refusals, and a person may take days: neither the next month nor
    # another form must wait with it. What opens the warehouse still waits for the only
    # writer.
    max_active_runs=16,
    default_args=DEFAULTS,
    tags=["comove", "score"],
    doc_md=__doc__,
    params={
        "application": Param(
            None,
            type=["null", "string"],
            title="Application",
            description="application_id as in the lender's files, or application_key. "
            "Empty: all that nobody has decided on.",
        ),
        "month": month_field(
            "Last month of applications, as 2026-09. Empty: the last complete month."
        ),
        "portfolio": portfolio_field(),
    },
)
def credit_decision() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    linked = StageOperator(task_id="link_identities", run=stages.link_identities)
    built = StageOperator(task_id="build_cases", run=stages.build_cases)
    exported = StageOperator(task_id="export", run=stages.export)
    estimated = StageOperator(task_id="estimate", run=stages.estimate, **LONG)
    decided = StageOperator(
        task_id="decide",
        run=stages.decide,
        # Where all is decided nothing is estimated; reviews may wait all the same.
        trigger_rule="none_failed",
    )
    counted = StageOperator(task_id="build_outcome", run=stages.build_outcome)
    judged = StageOperator(task_id="gate_decision", run=stages.gate_decision)
    published = StageOperator(task_id="publish", run=stages.publish, outlets=[DECISIONS])
    reported = StageOperator(task_id="report", run=stages.report, **WITHOUT_THE_WAREHOUSE)
    approved = ReviewApproval(
        task_id="approve",
        asked_by="decide",
        subject="Confirm refusals and uncertain decisions on applications",
        body=APPROVAL,
        params={
            "reason": Param(
                "",
                type="string",
                title="Reason",
                description="Kept with your decision.",
            ),
            "limit": Param(
                None,
                type=["null", "number"],
                exclusiveMinimum=0,
                title="Limit",
                description="Only where you reject one refusal: what you grant, in "
                "currency, held to the request and lending control. Empty: that of the "
                "trail.",
            ),
            "strategy": Param(
                None,
                type=["null", "string"],
                title="Strategy",
                description="Only there: its name in the seed transaction_strategies. "
                "Empty: by qualification and limit.",
            ),
        },
        response_timeout=timedelta(days=Settings().review_approval_days),
        pool="default_pool",
        execution_timeout=None,
        # Should its process die: it asks once more.
        retries=1,
        doc_md=ReviewApproval.__doc__,
    )
    recorded = StageOperator(task_id="record_review", run=stages.record_review)
    published_again = StageOperator(task_id="publish_review", run=stages.publish)
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> linked >> built >> exported >> estimated >> decided >> counted >> judged
    judged >> published >> [reported, approved]
    approved >> recorded >> published_again
    [reported, published_again] >> closed


CREDIT_DECISION = credit_decision()
