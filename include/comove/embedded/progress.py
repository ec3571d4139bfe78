"""Showing how runs go on: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from comove.embedded.rest import AirflowClient, AirflowError, TaskState

POLL_SECONDS = 1.0
ENDED = ("success", "failed")
# A task that only a person can end; the scheduler keeps it for days.
AWAITING = "awaiting_input"
SIGNS = {
    "success": "[green]✓[/green]",
    "failed": "[red]✗[/red]",
    "upstream_failed": "[red]·[/red]",
    "running": "[yellow]▶[/yellow]",
    "up_for_retry": "[yellow]↻[/yellow]",
    AWAITING: "[yellow]?[/yellow]",
}


class Progress:
    """What is shown of the runs of a chain, one after the other.

    Parameters
    ----------
    console : Console
        Where to.
    order : list of str
        Names of the tasks as ``dag.task``, in the order of the table.
    """

    def __init__(self, console: Console, order: list[str]) -> None:
        self._console = console
        self._order = order
        self._newest: dict[str, TaskState] = {}
        self._shown: dict[str, tuple[str, int]] = {}
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator["Progress"]:
        """Show it for as long as the block lasts."""
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, refresh_per_second=4) as self._live:
            yield self

    def update(self, tasks: list[TaskState]) -> None:
        """Show the newest states; tasks of runs shown before stay on the table."""
        self._newest |= {_name(task): task for task in tasks}
        ranked = sorted(self._newest.values(), key=self._rank)
        if self._live:
            self._live.update(_table(ranked))
            return
        for task in ranked:
            self._say_once(task)

    def _rank(self, task: TaskState) -> tuple[int, str]:
        name = _name(task)
        place = self._order.index(name) if name in self._order else len(self._order)
        return place, name

    def _say_once(self, task: TaskState) -> None:
        now = (task.state, task.try_number)
        quiet = ("none", "scheduled", "queued", "restarting")
        name = _name(task)
        if self._shown.get(name) == now or task.state in quiet:
            return
        self._shown[name] = now
        took = f" after {task.seconds:.1f} s" if task.seconds and _has_ended(task) else ""
        again = f" (try {task.try_number})" if task.try_number > 1 else ""
        self._console.print(f"{name}: {task.state}{again}{took}", markup=False)


def follow(
    client: AirflowClient,
    dag_id: str,
    run_id: str,
    progress: Progress,
    *,
    timeout_seconds: float,
) -> tuple[str, list[TaskState]]:
    """Show a run until it has ended, or nothing but a person's answer is missing.

    Parameters
    ----------
    client : AirflowClient
        Of the Airflow that runs it.
    dag_id, run_id : str
        Which run.
    progress : Progress
        Where it is shown.
    timeout_seconds : float
        How long it may take at most.

    Returns
    -------
    tuple of str and list of TaskState
        ``success``, ``failed`` or ``awaiting_input``, and its tasks.

    Raises
    ------
    AirflowError
        When it has not ended in time, or Airflow is gone.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        tasks = client.tasks(dag_id, run_id)
        progress.update(tasks)
        # Every question costs the server time that the tasks could use.
        if all(_has_ended(task) for task in tasks):
            state = client.run_state(dag_id, run_id)
            if state in ENDED:
                return state, tasks
        elif _awaits_a_person(tasks):
            return AWAITING, tasks
        time.sleep(POLL_SECONDS)
    raise AirflowError(
        f"the run has not ended after {timeout_seconds:.0f} s.",
        where=run_id,
        remedy="See its logs; `make down` stops it.",
    )


def _table(tasks: list[TaskState]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    for task in tasks:
        took = f"{task.seconds:.1f} s" if task.seconds else ""
        again = f"try {task.try_number}" if task.try_number > 1 else ""
        sign = SIGNS.get(task.state, " ")
        table.add_row(sign, _name(task), task.state.replace("none", ""), took, again)
    return table


def _name(task: TaskState) -> str:
    return f"{task.dag_id}.{task.task_id}" if task.dag_id else task.task_id


def _awaits_a_person(tasks: list[TaskState]) -> bool:
    states = {task.state for task in tasks if not _has_ended(task)}
    return AWAITING in states and states <= {AWAITING, "none"}


def _has_ended(task: TaskState) -> bool:
    return task.state in (*ENDED, "upstream_failed", "skipped")
