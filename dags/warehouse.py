"""Build the warehouse: from the lender's files to gated, published tables, by month.

Daily, for the last complete month; by hand for any month; by `airflow backfill create`
for many. A task that was killed is tried again twice and begins where its last whole
transaction ended. A refusal or a failed gate is not tried again: the input has to change
first. What opens the warehouse runs in the pool `duckdb_writer`, one task at a time.

What to do when a task has failed:

- **open_run** checks what was asked for. Its message names the wrong field of the form:
  correct it and trigger again.
- **land** reads the files that are new, one transaction per entity. A refused file does
  not fail it; see `audit.delivery` for what became of each file.
- **gate_landed** judges what was landed. Read `audit.quality_result` where `stage` is
  `landed`, or the page under `reports/quality`; ask the lender for a corrected delivery.
- **build** runs dbt: staging, intermediate, marts and their tests. Its log names the
  model or the test; the compiled SQL lies below `scratch/dbt/runs`.
- **gate_tables** judges staging and marts, as `gate_landed` does. What is published
  stays the last good copy.
- **publish** swaps the new copy in; readers keep the old one until they open it again.
  It fails when the disk is full: free space and clear the task.
- **docs** makes the documentation site of what is now published; no table waits for it.
  Until it has, readers keep the site of the run before. Clear the task.
- **close_run** ends the record in `audit.run`, and fails when any other task has: look
  at the task it names.
"""

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag

from comove_airflow import warehouse_stages as stages
from comove_airflow.assets import MARTS
from comove_airflow.form import month_field
from comove_airflow.stage_operator import DEFAULTS, StageOperator
from comove_airflow.timetable import LastCompleteMonth

# Without a first month only new days are scheduled; with one, Airflow catches up from it.
FIRST_MONTH = os.environ.get("COMOVE_FIRST_MONTH") or None


def _start_date() -> datetime | None:
    if not FIRST_MONTH:
        return None
    month = datetime.strptime(FIRST_MONTH, "%Y-%m").replace(tzinfo=UTC)
    # A month is built once it is over: its first run is due on the first of the next.
    return (month + timedelta(days=32)).replace(day=1)


@dag(
    dag_id="warehouse",
    dag_display_name="Warehouse: files to tables",
    schedule=LastCompleteMonth(),
    start_date=_start_date(),
    catchup=FIRST_MONTH is not None,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["comove", "warehouse"],
    doc_md=__doc__,
    params={
        "month": month_field("As 2026-09. Empty: the last complete month."),
        "full_refresh": Param(
            False,
            type="boolean",
            title="Full refresh",
            description="Build every table anew instead of the months that changed.",
        ),
        "data_folder": Param(
            None,
            type=["null", "string"],
            title="Data folder",
            description="Folder with the lender's files. Empty: the one in the settings.",
        ),
    },
)
def warehouse() -> None:
    """Wire the stages together."""
    opened = StageOperator(task_id="open_run", run=stages.open_run)
    landed = StageOperator(task_id="land", run=stages.land)
    landed_gate = StageOperator(task_id="gate_landed", run=stages.gate_landed)
    built = StageOperator(task_id="build", run=stages.build)
    tables_gate = StageOperator(task_id="gate_tables", run=stages.gate_tables)
    published = StageOperator(task_id="publish", run=stages.publish, outlets=[MARTS])
    documented = StageOperator(
        task_id="docs",
        run=stages.document,
        # It describes the project and does not open the warehouse.
        pool="default_pool",
    )
    closed = StageOperator(
        task_id="close_run", run=stages.close_run, trigger_rule="all_done"
    )

    opened >> landed >> landed_gate >> built >> tables_gate >> published
    published >> documented >> closed


WAREHOUSE = warehouse()
