"""The stages of the DAG `default_response`, as its tasks call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from comove.default_response.request import Wish
from comove_airflow.notify import run_of
from comove_airflow.request import check_fields
from comove_airflow.response_request import wish_for
from comove_airflow.stage import (
    answer_given,
    gates,
    log,
    publish_schemas,
    settings_of,
    stage,
)
from comove_airflow.stage import close_run as close_run

if TYPE_CHECKING:
    from airflow.sdk import Context


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was asked for, and begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, wish = settings_of(context), _wish(context)
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=wish.month)
    return {"month": f"{wish.month:%Y-%m}", "portfolio": settings.portfolio}


@stage
def find_events(context: Context) -> Any:
    """Find the default events without a response, and who is at risk after them."""
    from comove.audit import note_unavailable
    from comove.default_response.events import find_events

    settings, run_id = settings_of(context), context["dag_run"].run_id
    found = find_events(settings, run_id=run_id, wish=_wish(context))
    if found.why_none:
        log.info(found.why_none)
    missing = None if found.is_available else found.why_none
    note_unavailable(settings, run_id, {"default_response": missing} if missing else {})
    return found


@stage
def link(context: Context) -> Any:
    """Compute who is linked to each event, from two posteriors, without the warehouse."""
    found = context["ti"].xcom_pull(task_ids="find_events") or {}
    if not found.get("events"):
        raise AirflowSkipException(found.get("why_none") or "There is no new event.")
    from comove.default_response.posterior_links import link_run

    return link_run(settings_of(context), run_id=context["dag_run"].run_id, tell=log.info)


@stage
def load_strategies(context: Context) -> Any:
    """Load the seed of strategies, and test it and what was written by it before."""
    from comove.connection import connect
    from comove.default_response.tables import ensure_response_tables
    from comove.warehouse import Part, build_part

    settings = settings_of(context)
    with connect(settings) as connection:
        ensure_response_tables(connection)
    return build_part(Part.RESPONSE, settings, run_id=context["dag_run"].run_id)


@stage
def respond(context: Context) -> Any:
    """Write events, links, actions and rules, and sum up the freezes that wait."""
    from comove.default_response.respond import respond

    return respond(settings_of(context), run_id=context["dag_run"].run_id)


@stage
def gate_response(context: Context) -> Any:
    """Judge what was written."""
    return gates(context, "default_response")


@stage
def publish(context: Context) -> Any:
    """Swap events, links, actions and rules into the serving copy, once more judged.

    Runs may be open side by side: what another has written since this one was judged
    must not be published unseen.
    """
    gates(context, "default_response")
    return publish_schemas(context, "default_response", "audit")


@stage
def export(context: Context) -> Any:
    """Write the actions of the run's months as CSV and Parquet."""
    from comove.default_response.export import export_actions

    return export_actions(settings_of(context), run_id=context["dag_run"].run_id)


@stage
def announce(context: Context) -> Any:
    """Tell the addresses of `notify_urls`; skipped where there is nothing to tell."""
    counts = context["ti"].xcom_pull(task_ids="respond") or {}
    settings = settings_of(context)
    if not settings.notify_urls.get_secret_value().strip():
        raise AirflowSkipException("The setting notify_urls names no address.")
    if not counts.get("events"):
        raise AirflowSkipException("There is nothing new to tell.")
    from comove.default_response.announce import response_message
    from comove.notify import send

    run = run_of(settings, context)
    return send(settings, response_message(settings, run, counts))


@stage
def decide(context: Context) -> Any:
    """Record the person's answer on the freezes, and follow it."""
    from comove.default_response.approval import Answer, decide

    asked = context["ti"].xcom_pull(task_ids="respond")
    return decide(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        answer=Answer(
            **answer_given(context),
            waiting_id=asked["waiting_id"],
        ),
    )


def _wish(context: Context) -> Wish:
    return wish_for(settings_of(context), context["params"], context["dag_run"])
