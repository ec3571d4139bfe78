"""`make run`: one month through a real Airflow, from nothing to a summary."""

import datetime as dt
import os
from contextlib import suppress
from dataclasses import dataclass

from rich.console import Console

from comove.audit import close_run
from comove.embedded.failure import show_failures
from comove.embedded.month import ensure_simulated, month_to_run
from comove.embedded.processes import mark_of
from comove.embedded.progress import Progress, follow
from comove.embedded.rest import AirflowClient
from comove.embedded.server import ensure_running, log_in, stop
from comove.embedded.state import Lock, Running, read_state, starting, users_lock
from comove.embedded.summary import read_summary, show_summary
from comove.errors import ComoveError, WarehouseBusyError
from comove.settings import Settings

DAG = "warehouse"
ORDER = [
    "open_run",
    "land",
    "gate_landed",
    "build",
    "gate_tables",
    "publish",
    "docs",
    "close_run",
]
# Runs that `make run` asked for; those of a `make run` that died are not taken up again.
RUN_PREFIX = "make_run__"
TIME_IN_RUN_ID = "%Y%m%dT%H%M%S"
RUN_SECONDS = 4 * 3600.0


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
    try:
        return _run_as_user(settings, request, console)
    finally:
        _leave(settings, users, console)


def _run_as_user(settings: Settings, request: Request, console: Console) -> int:
    with starting(settings.places):
        ensure_simulated(settings, request.borrowers, request.months, console)
    month = month_to_run(settings, request.month)
    console.print(f"Portfolio {settings.portfolio}, month {month}: starting Airflow")
    running = ensure_running(settings, "run", say=console.print)
    client = log_in(settings.places, running)
    try:
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
    client.unpause(DAG)
    now = f"{dt.datetime.now(dt.UTC):{TIME_IN_RUN_ID}}"
    # Two commands may ask in the same second.
    run_id = f"{RUN_PREFIX}{month}__{now}__{os.getpid()}"
    conf = {"month": month, "full_refresh": request.full_refresh}
    if settings.data:
        conf["data_folder"] = str(settings.data_folder)
    client.trigger(DAG, run_id, conf, partition=month)
    with Progress(console, ORDER).shown() as progress:
        state, tasks = follow(client, DAG, run_id, progress, timeout_seconds=RUN_SECONDS)
    _show(settings, run_id, console)
    if state == "success":
        return 0
    show_failures(console, client, DAG, run_id, tasks)
    return 1


def _fail_abandoned(client: AirflowClient, running: Running, settings: Settings) -> None:
    # A run asked for before this Airflow began belongs to a `make run` that died with
    # its own Airflow; nobody waits for it, and the next one would wait behind it.
    began = f"{dt.datetime.fromisoformat(running.began):{TIME_IN_RUN_ID}}"
    for run_id in client.unfinished_runs(DAG):
        if run_id.startswith(RUN_PREFIX) and run_id.split("__")[2] < began:
            client.fail_run(DAG, run_id, "Its `make run` ended before it did.")
            # The task that would have ended its record never ran. A record left open is
            # no reason to keep this run from starting.
            with suppress(WarehouseBusyError):
                close_run(settings, run_id, "failed")


def _show(settings: Settings, run_id: str, console: Console) -> None:
    console.print()
    try:
        show_summary(console, read_summary(settings, run_id), settings)
    except ComoveError as error:
        console.print(str(error), style="yellow", markup=False)


def _leave(settings: Settings, users: Lock, console: Console) -> None:
    running = read_state(settings.places)
    ours = running is not None and running.owner == mark_of(os.getpid())
    if running and ours and running.mode == "run":
        if not users.take(wait=False):
            console.print("Another run still uses this Airflow: waiting for it to end")
            users.take()
        stop(settings.places)
    users.close()
