"""Progress on something that is no terminal: a line per change."""

import io

from rich.console import Console

from comove.embedded.progress import Progress
from comove.embedded.rest import TaskState


def shown(*updates: list[TaskState]) -> list[str]:
    out = io.StringIO()
    with Progress(Console(file=out), ["land", "build"]).shown() as progress:
        for tasks in updates:
            progress.update(tasks)
    return out.getvalue().splitlines()


def test_each_change_is_told_once() -> None:
    running = TaskState("land", "running", 1, None)
    done = TaskState("land", "success", 1, 2.34)
    lines = shown([running], [running], [done], [done])
    assert lines == ["land: running", "land: success after 2.3 s"]


def test_tasks_that_are_not_due_are_not_told() -> None:
    assert shown([TaskState("land", "none", 0, None)]) == []


def test_a_second_try_says_so() -> None:
    lines = shown([TaskState("land", "running", 2, None)])
    assert lines == ["land: running (try 2)"]


def test_tasks_are_told_in_the_order_of_the_way() -> None:
    tasks = [TaskState(name, "running", 1, None) for name in ("build", "land")]
    assert shown(tasks) == ["land: running", "build: running"]


def test_runs_of_a_chain_are_told_one_after_the_other_by_their_dags() -> None:
    first = TaskState("publish", "success", 1, 1.0, dag_id="warehouse")
    second = TaskState("publish", "running", 1, None, dag_id="risk_model")
    assert shown([first], [second]) == [
        "warehouse.publish: success after 1.0 s",
        "risk_model.publish: running",
    ]
