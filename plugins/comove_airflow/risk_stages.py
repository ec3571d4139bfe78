"""The stages of the DAG `risk_model`, as its tasks call them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from comove.errors import SettingsError
from comove_airflow.request import check_fields
from comove_airflow.risk_request import (
    BY_RULE,
    KEEP_CHAMPION,
    ModelRequest,
    model_request,
)
from comove_airflow.stage import (
    close_record,
    for_month,
    gates,
    log,
    month_of,
    publish_schemas,
    settings_of,
    stage,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from comove.settings import Settings

# Runs of the DAG `warehouse` that nobody asked for begin so.
OF_THE_CLOCK = ("scheduled__", "backfill__")


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was asked for, note a person's decision, begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, month, request = settings_of(context), month_of(context), _request(context)
    if reason := why_not_again(context, settings, month):
        raise AirflowSkipException(reason)
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=month)
    if request.promote:
        _note_decision(context, settings, month, request)
    return {"month": f"{month:%Y-%m}", "portfolio": settings.portfolio}


@stage
def build_features(context: Context) -> Any:
    """Build the features from published marts, and write them as Parquet."""
    from comove.risk_model.export import export_features
    from comove.risk_model.request import request_for, write_request
    from comove.warehouse import Part, build_part, require_published_marts

    settings, month = settings_of(context), month_of(context)
    run_id = context["dag_run"].run_id
    require_published_marts(settings, month)
    built = build_part(Part.FEATURES, settings, run_id=run_id, month=month)
    exported = export_features(settings, run_id=run_id, month=month)
    write_request(exported.folder, request_for(settings, month))
    return {
        "tables": built.tables,
        "tests_passed": built.tests_passed,
        "borrower_months": exported.borrower_months,
        "applications": exported.applications,
    }


@stage
def train(context: Context) -> Any:
    """Train the models of the probability of default, month by month out of sample."""
    request = _request(context)
    _skip_unless_asked(request, "pd")
    from comove.risk_model.train import train

    return train(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        month=month_of(context),
        algorithms=request.algorithms,
        tell=log.info,
    )


@stage
def train_application(context: Context) -> Any:
    """Train the model of the application score, and score every application."""
    _skip_unless_asked(_request(context), "application")
    from comove.connection import connect_serving
    from comove.risk_model.application import train_application
    from comove.risk_model.registry import read_promotions

    settings = settings_of(context)
    with connect_serving(settings) as published:
        promotions = read_promotions(published, "application")
    return train_application(
        settings,
        run_id=context["dag_run"].run_id,
        month=month_of(context),
        promotions=promotions,
        tell=log.info,
    )


@stage
def gate_models(context: Context) -> Any:
    """Record how each challenger was judged; one that fails never becomes champion."""
    from comove.audit import note_unavailable
    from comove.risk_model.store import record_checks

    settings, run_id = settings_of(context), context["dag_run"].run_id
    note_unavailable(settings, run_id, _reasons(context))
    return record_checks(settings, run_id=run_id)


def _reasons(context: Context) -> dict[str, str]:
    """Why there is no model, by purpose, as the trainings said it."""
    said = {
        "pd": ("train", "why_not"),
        "application": ("train_application", "unavailable"),
    }
    found = {
        purpose: (context["ti"].xcom_pull(task_ids=task) or {}).get(field)
        for purpose, (task, field) in said.items()
    }
    return {purpose: str(reason) for purpose, reason in found.items() if reason}


@stage
def store(context: Context) -> Any:
    """Load predictions and scores into the warehouse, and register the models."""
    from comove.risk_model.store import store_training

    return store_training(settings_of(context), run_id=context["dag_run"].run_id)


@stage
def build_risk(context: Context) -> Any:
    """Build residuals, uniforms, performance and stability from the predictions."""
    from comove.warehouse import Part, build_part

    return build_part(Part.RISK, settings_of(context), run_id=context["dag_run"].run_id)


@stage
def gate_risk(context: Context) -> Any:
    """Judge the risk tables."""
    return gates(context, "risk")


@stage
def publish(context: Context) -> Any:
    """Swap the finished risk tables into the serving copy."""
    # The marts are published by the DAG whose gates judge them.
    return publish_schemas(context, "risk", "audit")


@stage
def report(context: Context) -> Any:
    """Write the page of the run and a card for each new model."""
    from comove.risk_model.report import write_reports

    return for_month(context, write_reports)


@stage
def close_run(context: Context) -> dict[str, Any]:
    """End the run's record, publish it, and fail if any stage has failed."""
    run = context["dag_run"]
    states = context["ti"].get_task_states(dag_id=run.dag_id, run_ids=[run.run_id])
    if states[run.run_id].get("open_run") == "skipped":
        return {"status": "skipped"}
    return close_record(context)


def why_not_again(context: Context, settings: Settings, month: dt.date) -> str | None:
    """Say why a run need not train; None when it has to.

    The warehouse is built every day for the same month, and tells so each time; the
    models are trained on the first of these occasions only. Whoever asks for the
    warehouse (`make run`, the button in the UI) asks for the models too.
    """
    from comove.audit import last_success

    run = context["dag_run"]
    sources = [
        event.source_run_id or ""
        for events in context["triggering_asset_events"].values()
        for event in events
    ]
    if not sources or not all(name.startswith(OF_THE_CLOCK) for name in sources):
        return None
    before = last_success(settings, dag_id=run.dag_id, month=month)
    return before and (
        f"The models of {month:%Y-%m} were trained by the run {before}. For data that "
        "arrived since, trigger this DAG by hand with that month."
    )


def _request(context: Context) -> ModelRequest:
    return model_request(settings_of(context), context["params"])


def _skip_unless_asked(request: ModelRequest, purpose: str) -> None:
    if purpose not in request.purposes:
        raise AirflowSkipException(f"The form did not ask for the purpose {purpose!r}.")


def _note_decision(
    context: Context, settings: Settings, month: dt.date, request: ModelRequest
) -> None:
    from comove.risk_model.registry import record_decision
    from comove.warehouse import refresh_published_audit

    run = context["dag_run"]
    recorded = record_decision(
        settings,
        {one: _algorithm(settings, one, request.promote) for one in request.purposes},
        month=month,
        # None where the trigger came from Airflow's own command line.
        decided_by=run.triggering_user_name or "command line",
        reason=request.reason or "",
        run_id=run.run_id,
    )
    for one in recorded:
        log.info(
            "%s: %s predicts from %s on, if its models pass their gate.",
            one.purpose,
            one.algorithm or "what the rule chooses",
            f"{one.effective_from:%Y-%m}",
        )
    # Training reads decisions where everyone can: in the published copy.
    refresh_published_audit(settings)


def _algorithm(settings: Settings, purpose: str, promote: str | None) -> str | None:
    if promote == BY_RULE:
        return None
    if promote != KEEP_CHAMPION:
        return promote

    from comove.risk_model.registry import champion_algorithm

    if champion := champion_algorithm(settings, purpose=purpose):
        return champion
    raise SettingsError(
        f"there is no champion of the purpose {purpose!r} to keep.",
        where="promote",
        remedy="Leave it empty: the rule chooses the first champion.",
    )
