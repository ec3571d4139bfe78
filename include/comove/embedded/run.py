"""`make run`: one month through a real Airflow, from files to models and a summary."""

import datetime as dt
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from rich.console import Console

from comove.audit import close_run
from comove.embedded.failure import show_failures
from comove.embedded.month import ensure_simulated, month_to_run
from comove.embedded.processes import mark_of
from comove.embedded.progress import AWAITING, POLL_SECONDS, Progress, follow
from comove.embedded.rest import AirflowClient, AirflowError, TaskState
from comove.embedded.server import ensure_running, log_in, stop
from comove.embedded.state import Lock, Running, read_state, starting, users_lock
from comove.embedded.summary import read_summary, show_summary
from comove.errors import ComoveError, WarehouseBusyError
from comove.settings import Settings

# The DAGs of a month and their tasks, in the order they are followed. The first is asked
# for; `CAUSES` says what sets off each of the others.
TASKS = {
    "warehouse": (
        "open_run",
        "land",
        "gate_landed",
        "build",
        "gate_tables",
        "publish",
        "docs",
        "close_run",
    ),
    "risk_model": (
        "open_run",
        "build_features",
        "train",
        "train_application",
        "gate_models",
        "store",
        "build_risk",
        "gate_risk",
        "publish",
        "report",
        "close_run",
    ),
    "joint_risk": (
        "open_run",
        "build_cells",
        "fit",
        "gate_fit",
        "derive",
        "store",
        "build_joint_risk",
        "gate_joint_risk",
        "publish",
        "report",
        "tell_unavailable",
        "close_run",
    ),
    "default_response": (
        "open_run",
        "find_events",
        "link",
        "load_strategies",
        "respond",
        "gate_response",
        "publish",
        "export",
        "announce",
        "approve",
        "decide",
        "publish_decision",
        "export_decision",
        "close_run",
    ),
    "score_drift": (
        "open_run",
        "build_drift",
        "gate_drift",
        "publish",
        "report",
        "tell_drift",
        "close_run",
    ),
    "overdue_assessment": (
        "open_run",
        "build_cases",
        "train",
        "assess",
        "gate_overdue",
        "build_grades",
        "gate_grades",
        "publish",
        "report",
        "report_grades",
        "close_run",
    ),
    "credit_decision": (
        "open_run",
        "link_identities",
        "build_cases",
        "export",
        "estimate",
        "decide",
        "build_outcome",
        "gate_decision",
        "publish",
        "report",
        "approve",
        "record_review",
        "publish_review",
        "close_run",
    ),
    "recalibration": (
        "open_run",
        "load_strategy",
        "assess",
        "gate_recalibration",
        "publish",
        "report",
        "approve",
        "decide",
        "publish_decision",
        "close_run",
    ),
    "monthly_report": ("open_run", "report", "close_run"),
}
CHAIN = tuple(TASKS)
# By DAG the tasks that set it off by succeeding: all of them, or, of those that stand in
# one pair of braces, any.
CAUSES: dict[str, tuple[dict[str, str], ...]] = {
    "risk_model": ({"warehouse": "publish"},),
    "joint_risk": ({"risk_model": "publish"},),
    "default_response": ({"joint_risk": "publish"},),
    "score_drift": ({"risk_model": "publish"},),
    "overdue_assessment": ({"risk_model": "publish"},),
    "credit_decision": ({"risk_model": "publish"},),
    "recalibration": ({"score_drift": "tell_drift"},),
    "monthly_report": (
        {"default_response": "publish", "joint_risk": "tell_unavailable"},
        {"score_drift": "publish"},
        {"overdue_assessment": "publish"},
        {"credit_decision": "publish"},
    ),
}
WAREHOUSE = CHAIN[0]
ORDER = [f"{dag_id}.{task}" for dag_id, tasks in TASKS.items() for task in tasks]
# Runs that `make run` asked for; those of a `make run` that died are not taken up again.
RUN_PREFIX = "make_run__"
TIME_IN_RUN_ID = "%Y%m%dT%H%M%S"
RUN_SECONDS = 24 * 3600.0
# The scheduler makes the run that follows within a loop or two of the asset's update.
FOLLOWER_SECONDS = 120.0
WAITS_FOR_A_PERSON = (
    "{what} for a person's answer: `make up`, then Required Actions. Everything else is "
    "done."
)
WHAT_WAITS = {
    "default_response": "Freezes wait",
    "credit_decision": "Refusals and uncertain decisions wait",
    "recalibration": "A changed strategy of the score waits",
}


@dataclass(frozen=True)
class Ended:
    """A run that has ended, or waits for a person.

    Parameters
    ----------
    dag_id, run_id : str
        Which.
    state : str
        ``success``, ``failed``, or ``awaiting_input`` while only a person's answer is
        missing.
    tasks : list of TaskState
        Its tasks.
    """

    dag_id: str
    run_id: str
    state: str
    tasks: list[TaskState]

    def done_at(self, task_id: str) -> str | None:
        """When a task succeeded, as ISO 8601; None if it did not.

        Parameters
        ----------
        task_id : str
            Of the run.
        """
        done = {task.task_id: task for task in self.tasks if task.state == "success"}
        return done[task_id].ended_at if task_id in done else None


@dataclass(frozen=True)
class Request:
    """What `make run` was asked for.

    Parameters
    ----------
    month : str or None
        ``YYYY-MM``; None for the last one the portfolio holds.
    borrowers, months : int
        Size of the simulated lender, where it is one.
    full_refresh : bool
        Whether every table is built anew.
    """

    month: str | None = None
    borrowers: int = 20_000
    months: int = 36
    full_refresh: bool = False


def run(settings: Settings, request: Request, console: Console) -> int:
    """Run one month and say how it went.

    Parameters
    ----------
    settings : Settings
        Say which portfolio, home and data folder.
    request : Request
        What to run.
    console : Console
        Where to show it.

    Returns
    -------
    int
        0 when everything succeeded, else 1.
    """
    users = users_lock(settings.places)
    if not users.take(shared=True, wait=False):
        console.print("Waiting: another command is stopping or starting this Airflow")
        users.take(shared=True)
    were_paused: list[str] = []
    try:
        return _run_as_user(settings, request, console, were_paused)
    finally:
        _leave(settings, users, console, were_paused)


def _run_as_user(
    settings: Settings, request: Request, console: Console, were_paused: list[str]
) -> int:
    with starting(settings.places):
        ensure_simulated(settings, request.borrowers, request.months, console)
    month = month_to_run(settings, request.month)
    console.print(f"Portfolio {settings.portfolio}, month {month}: starting Airflow")
    running = ensure_running(settings, "run", say=console.print)
    client = log_in(settings.places, running)
    try:
        were_paused += [dag_id for dag_id in CHAIN if client.is_paused(dag_id)]
        return _run_month(client, running, settings, request, month, console)
    finally:
        client.close()


def _run_month(
    client: AirflowClient,
    running: Running,
    settings: Settings,
    request: Request,
    month: str,
    console: Console,
) -> int:
    _fail_abandoned(client, running, settings)
    for dag_id in CHAIN:
        client.pause(dag_id, is_paused=False)
    now = f"{dt.datetime.now(dt.UTC):{TIME_IN_RUN_ID}}"
    # Two commands may ask in the same second.
    run_id = f"{RUN_PREFIX}{month}__{now}__{os.getpid()}"
    conf = {"month": month, "full_refresh": request.full_refresh}
    if settings.data:
        conf["data_folder"] = str(settings.data_folder)
    client.trigger(WAREHOUSE, run_id, conf, partition=month)
    ended = _follow_chain(client, run_id, month, console)
    _show(settings, [run.run_id for run in ended], console)
    for waiting in (run.dag_id for run in ended if run.state == AWAITING):
        what = WHAT_WAITS.get(waiting, "Something waits")
        console.print(WAITS_FOR_A_PERSON.format(what=what), style="yellow")
    failed = [run for run in ended if run.state == "failed"]
    for run in failed:
        show_failures(console, client, run.dag_id, run.run_id, run.tasks)
    return 1 if failed else 0


def _follow_chain(
    client: AirflowClient, run_id: str, month: str, console: Console
) -> list[Ended]:
    with Progress(console, ORDER).shown() as progress:
        ended = {WAREHOUSE: _followed(client, WAREHOUSE, run_id, progress)}
        for dag_id in CAUSES:
            if set_off_at := _set_off_at(ended, dag_id):
                following = wait_for_follower(client, dag_id, month, set_off_at)
                ended[dag_id] = _followed(client, dag_id, following, progress)
        return list(ended.values())


def _set_off_at(ended: Mapping[str, Ended], dag_id: str) -> str | None:
    """When the first of the tasks that a DAG waits for succeeded; None unless all have.

    What was published sets off the next, whatever became of other tasks. Where several
    are waited for, an earlier update of one of them, by another command or by hand, may
    have set the DAG off before the last of ours; never before the first.
    """
    moments = []
    for any_of in CAUSES[dag_id]:
        done = [ended[dag].done_at(task) for dag, task in any_of.items() if dag in ended]
        moments.append(max((moment for moment in done if moment), default=None))
    known = [moment for moment in moments if moment]
    return min(known) if len(known) == len(moments) else None


def _followed(
    client: AirflowClient, dag_id: str, run_id: str, progress: Progress
) -> Ended:
    if _waits_behind(client, dag_id, run_id):
        return Ended(dag_id, run_id, AWAITING, [])
    state, tasks = follow(client, dag_id, run_id, progress, timeout_seconds=RUN_SECONDS)
    return Ended(dag_id, run_id, state, tasks)


def _waits_behind(client: AirflowClient, dag_id: str, run_id: str) -> bool:
    """Whether it cannot begin: as many runs as may be open wait for a person."""
    others = [other for other in client.unfinished_runs(dag_id) if other != run_id]
    waiting = [
        other
        for other in others
        if any(task.state == AWAITING for task in client.tasks(dag_id, other))
    ]
    return bool(waiting) and len(waiting) >= client.runs_at_once(dag_id)


def wait_for_follower(
    client: AirflowClient,
    dag_id: str,
    month: str,
    published_at: str,
    *,
    timeout_seconds: float = FOLLOWER_SECONDS,
) -> str:
    """Wait for the run of a DAG that the asset update of another run sets off.

    Two updates of one month within a loop of the scheduler set off one run for both.

    Parameters
    ----------
    client : AirflowClient
        Of the Airflow that runs both.
    dag_id : str
        The DAG that follows.
    month : str
        Partition that was published.
    published_at : str
        When, as ISO 8601.
    timeout_seconds : float
        How long it may take at most.

    Returns
    -------
    str
        Id of the run.

    Raises
    ------
    AirflowError
        When there is none in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if found := client.following_run(dag_id, month, published_at):
            return found
        time.sleep(POLL_SECONDS)
    raise AirflowError(
        f"the DAG {dag_id!r} has not followed after {timeout_seconds:.0f} s.",
        where=f"month {month}",
        remedy="See that it is not paused, and what the scheduler's log says of it.",
    )


def _fail_abandoned(client: AirflowClient, running: Running, settings: Settings) -> None:
    # A run asked for before this Airflow began belongs to a `make run` that died with
    # its own Airflow; nobody waits for it, and the next one would wait behind it.
    began = f"{dt.datetime.fromisoformat(running.began):{TIME_IN_RUN_ID}}"
    for dag_id in CHAIN:
        for run_id in client.unfinished_runs(dag_id):
            origins = _origins(client, dag_id, run_id)
            if any(_is_of_the_dead(name, began) for name in origins):
                client.fail_run(dag_id, run_id, "Its `make run` ended before it did.")
                # The task that would have ended its record never ran. A record left
                # open is no reason to keep this run from starting.
                with suppress(WarehouseBusyError):
                    close_run(settings, run_id, "failed")


def _origins(client: AirflowClient, dag_id: str, run_id: str) -> list[str]:
    """Give the run and those that led to it, back along the chain."""
    found, asked = [], [(dag_id, run_id)]
    while asked:
        dag_id, run_id = asked.pop(0)
        found.append(run_id)
        if dag_id in CAUSES:
            asked += client.causes(dag_id, run_id)
    return found


def _is_of_the_dead(run_id: str, began: str) -> bool:
    return run_id.startswith(RUN_PREFIX) and run_id.split("__")[2] < began


def _show(settings: Settings, run_ids: list[str], console: Console) -> None:
    console.print()
    try:
        show_summary(console, read_summary(settings, run_ids), settings)
    except ComoveError as error:
        console.print(str(error), style="yellow", markup=False)


def _leave(
    settings: Settings, users: Lock, console: Console, were_paused: list[str]
) -> None:
    running = read_state(settings.places)
    ours = running is not None and running.owner == mark_of(os.getpid())
    if running and ours and running.mode == "run":
        if not users.take(wait=False):
            console.print("Another run still uses this Airflow: waiting for it to end")
            users.take()
        _pause(settings, running, were_paused)
        stop(settings.places)
    users.close()


def _pause(settings: Settings, running: Running, dag_ids: list[str]) -> None:
    # An Airflow that is started only to run a month must not find, days later, that
    # its schedule was missed, and run the month a second time.
    client = log_in(settings.places, running)
    try:
        with suppress(ComoveError):
            for dag_id in dag_ids:
                client.pause(dag_id, is_paused=True)
    finally:
        client.close()
