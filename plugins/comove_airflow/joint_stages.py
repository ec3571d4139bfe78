"""The stages of the DAG `joint_risk`, as its tasks call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from comove_airflow.joint_request import fit_request
from comove_airflow.request import check_fields
from comove_airflow.stage import close_run as close_run
from comove_airflow.stage import (
    for_month,
    gates,
    log,
    month_of,
    publish_schemas,
    settings_of,
    stage,
    tell_followers,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from comove.joint_risk.request import FitRequest


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was asked for, and begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, month, request = settings_of(context), month_of(context), _request(context)
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=month)
    return {"month": f"{month:%Y-%m}", "copula": request.copula}


@stage
def build_cells(context: Context) -> Any:
    """Count borrowers and events by cell, and write the counts as Parquet."""
    from comove.joint_risk.cells import why_unavailable, write_request
    from comove.joint_risk.export import export_cells
    from comove.warehouse import Part, build_part

    settings, month = settings_of(context), month_of(context)
    run_id = context["dag_run"].run_id
    _skip_where(context, why_unavailable(settings, month))
    write_request(settings, month)
    built = build_part(Part.CELLS, settings, run_id=run_id)
    exported = export_cells(settings, run_id=run_id, month=month)
    return {
        "tables": built.tables,
        "tests_passed": built.tests_passed,
        "cells": exported.cells,
        "borrowers_ahead": exported.ahead,
    }


@stage
def fit(context: Context) -> Any:
    """Sample the posterior of the factor copula, and those it is compared with."""
    from comove.joint_risk.fit import fit_month

    return fit_month(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        month=month_of(context),
        request=_request(context),
        tell=log.info,
    )


@stage
def gate_fit(context: Context) -> Any:
    """Record how well each posterior was sampled; stop where the run's own was not."""
    from comove.joint_risk.fit_gate import gate_fits

    said = context["ti"].xcom_pull(task_ids="fit") or {}
    _skip_where(context, said.get("why_not"))
    return gate_fits(settings_of(context), run_id=context["dag_run"].run_id)


@stage
def derive(context: Context) -> Any:
    """Work out index, links, losses and validation from the posteriors."""
    from comove.joint_risk.derive import derive_month

    return derive_month(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        month=month_of(context),
        tell=log.info,
    )


@stage
def store(context: Context) -> Any:
    """Load what was derived into the warehouse, in place of the month's rows."""
    from comove.joint_risk.store import store_joint_risk

    return for_month(context, store_joint_risk)


@stage
def build_joint_risk(context: Context) -> Any:
    """Build where the joint mass stands, from the indices."""
    from comove.warehouse import Part, build_part

    return build_part(
        Part.JOINT_RISK, settings_of(context), run_id=context["dag_run"].run_id
    )


@stage
def gate_joint_risk(context: Context) -> Any:
    """Judge the joint-risk tables."""
    return gates(context, "joint_risk")


@stage
def publish(context: Context) -> Any:
    """Swap the finished tables into the serving copy."""
    return publish_schemas(context, "cells", "joint_risk", "audit")


@stage
def tell_unavailable(context: Context) -> dict[str, Any]:
    """Tell who waits for the month that nothing will be answered: no joint risk."""
    tell_followers(context)
    return {}


@stage
def report(context: Context) -> Any:
    """Write the page of the run with its pictures."""
    from comove.joint_risk.report import write_report

    return for_month(context, write_report)


def _request(context: Context) -> FitRequest:
    return fit_request(settings_of(context), context["params"])


def _skip_where(context: Context, reason: str | None) -> None:
    """Record that there is no joint risk, and why, and leave out what follows."""
    from comove.audit import note_unavailable

    settings, run_id = settings_of(context), context["dag_run"].run_id
    note_unavailable(settings, run_id, {"joint_risk": reason} if reason else {})
    if reason:
        raise AirflowSkipException(f"Not available for this portfolio: {reason}")
