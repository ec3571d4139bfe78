"""The stages of the DAG `warehouse`, as its tasks call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comove_airflow.request import check_fields
from comove_airflow.stage import close_run as close_run
from comove_airflow.stage import gates, month_of, publish_schemas, settings_of, stage

if TYPE_CHECKING:
    from airflow.sdk import Context


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was asked for, and begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, month = settings_of(context), month_of(context)
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=month)
    return {"month": f"{month:%Y-%m}", "data_folder": str(settings.data_folder)}


@stage
def land(context: Context) -> Any:
    """Read the files that are new."""
    from comove.landing import land

    return land(settings_of(context), run_id=context["dag_run"].run_id)


@stage
def gate_landed(context: Context) -> Any:
    """Judge what was landed."""
    return gates(context, "landed")


@stage
def build(context: Context) -> Any:
    """Build the tables up to the run's month."""
    from comove.warehouse import build

    return build(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        month=month_of(context),
        full_refresh=bool(context["params"].get("full_refresh")),
    )


@stage
def gate_tables(context: Context) -> Any:
    """Judge staging and marts, in one process: the library is imported once."""
    return gates(context, "staging", "marts")


@stage
def publish(context: Context) -> Any:
    """Swap the finished marts into the serving copy."""
    # The risk tables are published by the DAG whose gate judges them.
    return publish_schemas(context, "marts", "audit")


@stage
def document(context: Context) -> Any:
    """Make the documentation site of the tables."""
    from comove.warehouse import document

    return {"page": document(settings_of(context), run_id=context["dag_run"].run_id)}
