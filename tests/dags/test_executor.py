"""The executor: the parts of one try of a task, strictly one after another."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.executors.workloads import ExecuteTask
from airflow.utils.state import TaskInstanceState

from comove_airflow.executor import OrderlyExecutor

ASKS = SimpleNamespace(key=("recalibration", "approve", "run", 1, -1), id="asks")
OTHER = SimpleNamespace(key=("recalibration", "report", "run", 1, -1), id="other")


@dataclass
class Queue:
    """What a started executor has instead of its queue between processes."""

    items: list[Any]

    def put(self, item: Any) -> None:
        self.items.append(item)


def workload(ti: SimpleNamespace) -> ExecuteTask:
    """A task's workload, without what a process would need to run it."""
    made: ExecuteTask = ExecuteTask.model_construct(ti=ti)
    return made


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> OrderlyExecutor:
    """An executor that starts no process."""
    monkeypatch.setattr(ExecuteTask, "key", property(lambda self: self.ti.key))
    made = OrderlyExecutor(parallelism=4)
    made.activity_queue = Queue([])  # type: ignore[assignment]
    monkeypatch.setattr(made, "_unread_messages", _Counter(), raising=False)
    monkeypatch.setattr(made, "_check_workers", lambda: None)
    return made


class _Counter:
    value = 0

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def send(executor: OrderlyExecutor, ti: SimpleNamespace) -> None:
    executor.queued_tasks[ti.key] = workload(ti)
    _heartbeat(executor)


def _heartbeat(executor: OrderlyExecutor) -> None:
    executor._process_workloads(list(executor.queued_tasks.values()))


def _sent(executor: OrderlyExecutor) -> list[str]:
    return [one.ti.id for one in executor.activity_queue.items]  # type: ignore[attr-defined]


def test_what_was_answered_waits_until_the_end_of_its_first_part_is_known(
    executor: OrderlyExecutor,
) -> None:
    send(executor, ASKS)
    send(executor, ASKS)
    assert _sent(executor) == ["asks"]
    # The scheduler asks this before it fails a task whose process has ended.
    assert executor.has_task(ASKS)
    executor.change_state(ASKS.key, TaskInstanceState.SUCCESS)
    assert executor.has_task(ASKS)
    _heartbeat(executor)
    assert _sent(executor) == ["asks", "asks"]
    assert not executor.has_task(ASKS)


def test_other_tasks_do_not_wait(executor: OrderlyExecutor) -> None:
    send(executor, ASKS)
    send(executor, ASKS)
    send(executor, OTHER)
    assert _sent(executor) == ["asks", "other"]


def test_a_part_that_failed_does_not_hold_up_the_next(executor: OrderlyExecutor) -> None:
    send(executor, OTHER)
    executor.change_state(OTHER.key, TaskInstanceState.FAILED)
    send(executor, OTHER)
    assert _sent(executor) == ["other", "other"]
