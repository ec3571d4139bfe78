"""What every stage of every DAG shares: settings, month, refusals, counts.

A stage is a function that takes Airflow's context, calls one entry point of comove, and
gives back counts: no row ever enters a log or an XCom, nor what a person is to be shown.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from comove.errors import ComoveError, WarehouseBusyError
from comove.settings import Settings
from comove_airflow.question import drop_evidence, keep_evidence
from comove_airflow.request import month_for, settings_for

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class FailedBeforeError(AirflowFailException):
    """The run's last task has done its own work; other tasks have failed.

    Parameters
    ----------
    tasks : list of str
        Names of those that failed themselves.
    """

    def __init__(self, tasks: list[str]) -> None:
        super().__init__(f"Failed before this task: {', '.join(tasks)}.")
        self.tasks = tasks


def settings_of(context: Context) -> Settings:
    """Give the settings of the run, with the data folder its form names."""
    return settings_for(context["params"])


def month_of(context: Context) -> dt.date:
    """First day of the month the run builds."""
    run = context["dag_run"]
    return month_for(
        settings_of(context),
        asked=context["params"].get("month"),
        partition=run.partition_key,
        run_after=run.run_after,
    )


@contextmanager
def failing_at_once() -> Iterator[None]:
    """Turn comove's own errors into failures that are not retried.

    They describe what an operator must change; trying again would not help. Everything
    else (a killed worker, a full disk, a warehouse another process holds) is left to
    Airflow's retries.
    """
    try:
        yield
    except WarehouseBusyError:
        raise
    except ComoveError as error:
        raise AirflowFailException(str(error)) from None


def stage(function: Callable[[Context], Any]) -> Callable[[Context], dict[str, Any]]:
    """Make a function a stage: its report becomes counts, its refusals final failures."""

    @wraps(function)
    def run(context: Context) -> dict[str, Any]:
        started = time.monotonic()
        with failing_at_once():
            counts = _counts(function(context))
        if evidence := counts.pop("evidence", None):
            keep_evidence(context, evidence)
        counts["seconds"] = round(time.monotonic() - started, 3)
        log.info("%s: %s", function.__name__, counts)
        return counts

    return run


def publish_schemas(context: Context, *schemas: str) -> Any:
    """Swap the finished tables of some schemas in, and tell who waits for the month."""
    from comove.warehouse import publish

    month = month_of(context)
    report = publish(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        month=month,
        schemas=schemas,
    )
    tell_followers(context)
    return report


def answer_given(context: Context) -> dict[str, Any]:
    """Read what the task `approve` handed on of a person's answer.

    Returns
    -------
    dict
        ``is_approved``, ``decided_by``, ``decided_at`` (UTC, without a zone) and
        ``reason`` (None where there is none).
    """
    said = context["ti"].xcom_pull(task_ids="approve")
    moment = dt.datetime.fromisoformat(said["decided_at"])
    return {
        "is_approved": said["is_approved"],
        "decided_by": said["decided_by"],
        "decided_at": moment.astimezone(dt.UTC).replace(tzinfo=None),
        "reason": (said["reason"] or "").strip() or None,
    }


def tell_followers(context: Context) -> None:
    """Tell who waits for the assets of a task that the run's month is there."""
    from airflow.sdk import Asset

    for asset in context["outlets"]:
        if isinstance(asset, Asset):
            partition = f"{month_of(context):%Y-%m}"
            context["outlet_events"][asset].add_partitions(partition)


def for_month(context: Context, work: Callable[..., Any]) -> Any:
    """Call what works on one month of one home for one run; give what it reports."""
    return work(
        settings_of(context),
        run_id=context["dag_run"].run_id,
        month=month_of(context),
    )


@stage
def close_run(context: Context) -> dict[str, Any]:
    """End the run's record, publish it, and fail if any stage has failed."""
    return close_record(context)


def close_record(context: Context) -> dict[str, Any]:
    """End the run's record, publish it, and fail if any stage has failed."""
    from comove.audit import close_run
    from comove.warehouse import refresh_published_audit

    failed = failed_tasks(context)
    settings = settings_of(context)
    status = "failed" if failed else "success"
    close_run(
        settings,
        context["dag_run"].run_id,
        status,
        stage_seconds=stage_seconds(context),
    )
    refresh_published_audit(settings)
    if failed:
        raise FailedBeforeError(failed)
    # Of a failed run the task that asks may be cleared, and asks once more.
    drop_evidence(context)
    return {"status": status}


def failed_tasks(context: Context) -> list[str]:
    """Names of the run's tasks that failed themselves, sorted."""
    run = context["dag_run"]
    states = context["ti"].get_task_states(dag_id=run.dag_id, run_ids=[run.run_id])
    return sorted(name for name, state in states[run.run_id].items() if state == "failed")


def stage_seconds(context: Context) -> dict[str, float]:
    """Seconds of each stage of the run that succeeded, in the order of the DAG."""
    names = [task for task in context["dag"].task_ids if task != context["task"].task_id]
    results = context["ti"].xcom_pull(task_ids=names)
    return {
        name: result["seconds"]
        for name, result in zip(names, results, strict=True)
        if result
    }


def gates(context: Context, *names: str) -> dict[str, Any]:
    """Judge stages of the data's way one after the other; counts by stage."""
    from comove.quality import run_gate

    settings, run_id = settings_of(context), context["dag_run"].run_id
    return {
        name: _counts(run_gate(settings, run_id=run_id, stage=name)) for name in names
    }


def _counts(report: Any) -> dict[str, Any]:
    found = asdict(report) if is_dataclass(report) else dict(report or {})
    return {name: _count(value) for name, value in found.items()}


def _count(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _count(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return len(value)
    return value if isinstance(value, int | float | str | None) else str(value)
