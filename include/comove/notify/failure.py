"""Messages about runs that failed, and the gates that stopped them."""

from collections.abc import Sequence

from comove.errors import GateFailedError
from comove.notify.memory import Memory
from comove.notify.message import Entry, Message, Run
from comove.settings import Settings

GROUP = "failure"


def task_failed(
    settings: Settings, run: Run, *, task_id: str, error: BaseException | None
) -> Message:
    """Write what is told of a task that failed for good.

    Parameters
    ----------
    settings : Settings
        Name the portfolio.
    run : Run
        Of the task.
    task_id : str
        Its name.
    error : BaseException or None
        What it failed with. Only its kind is told: its sentence may quote an id that was
        typed into a form.

    Returns
    -------
    Message
        Of the kind ``gate`` where a gate refused what it judged, of ``failure`` anyhow.
    """
    if isinstance(error, GateFailedError):
        return Message(
            kinds=frozenset({"gate", "failure"}),
            title=f"comove {settings.portfolio}: a gate stopped {run.what}",
            entries=(_gate(task_id, error),),
            group=run.group(GROUP),
            link=run.page("data-quality"),
        )
    return run_failed(settings, run, tasks=[task_id])


def run_failed(settings: Settings, run: Run, *, tasks: Sequence[str]) -> Message:
    """Write what is told of tasks that failed, whatever they failed with.

    Parameters
    ----------
    settings, run
        As of `task_failed`.
    tasks : sequence of str
        Their names; one that has been told of is not told of again.
    """
    return Message(
        kinds=frozenset({"failure"}),
        title=f"comove {settings.portfolio}: {run.what} failed",
        entries=tuple(
            Entry(task, f"The task {task} failed.", is_told_once=True) for task in tasks
        ),
        group=run.group(GROUP),
        link=run.link,
    )


def forget_failures(settings: Settings, run: Run) -> None:
    """Forget what failed: the run's DAG and month have come to a good end."""
    Memory(settings.places).forget(run.group(GROUP))


def _gate(task_id: str, error: GateFailedError) -> Entry:
    names = "; ".join(error.checks)
    failed = f"{len(error.checks)} critical check(s) failed: {names}."
    line = failed if error.checks else "What it needs did not pass."
    return Entry(task_id, f"{task_id}: {line}", detail=error.found)
