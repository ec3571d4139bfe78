"""What is said about a run that failed: the reason first, then the last log lines."""

from typing import Any

from rich.console import Console

from comove.embedded.rest import AirflowClient, TaskState

LAST_LINES = 12


def show_failures(
    console: Console,
    client: AirflowClient,
    dag_id: str,
    run_id: str,
    tasks: list[TaskState],
) -> None:
    """Say which tasks failed, why, and what their logs said last.

    Parameters
    ----------
    console : Console
        Where to.
    client : AirflowClient
        Gives the logs.
    dag_id, run_id : str
        The run.
    tasks : list of TaskState
        Its tasks.
    """
    guilty = [task for task in tasks if task.state == "failed"]
    # The last task fails because another did; its own log adds nothing.
    first = [task for task in guilty if task.task_id != "close_run"] or guilty
    for task in first:
        events = client.log_events(dag_id, run_id, task)
        console.print(f"{task.task_id} failed", style="bold red")
        console.print(reason(events), markup=False, highlight=False, soft_wrap=True)
        for line in last_lines(events):
            console.print(f"  {line}", style="dim", markup=False, soft_wrap=True)


def reason(events: list[dict[str, Any]]) -> str:
    """Sentence that says why a task failed, from the events of its log.

    Returns
    -------
    str
        The message of the last exception, without its stack.
    """
    for event in reversed(events):
        for detail in event.get("error_detail") or []:
            return str(detail["exc_value"])
    return "It was ended from outside, or its log was lost."


def last_lines(events: list[dict[str, Any]]) -> list[str]:
    """Last things a task said, a line each, without stacks."""
    said = [str(event.get("event", "")).splitlines() for event in events]
    lines = [f"{texts[0]}" for texts in said if texts and not texts[0].startswith("::")]
    return lines[-LAST_LINES:]
