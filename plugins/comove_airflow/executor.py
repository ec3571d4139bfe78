"""An executor under which no answer of a person is lost.

A task that asks ends its process and is queued anew, with the same number of its try,
once a person has answered. Airflow's LocalExecutor may have that second part on its way
before it has noticed the end of the first; it then takes the one end for the other's, and
the scheduler fails the task ("state changed externally"). Here the second part stays in
the queue until the end of the first has been read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.executors.local_executor import LocalExecutor
from airflow.executors.workloads import ExecuteTask
from airflow.utils.state import TaskInstanceState

ENDED = {TaskInstanceState.SUCCESS, TaskInstanceState.FAILED}


class OrderlyExecutor(LocalExecutor):
    """Run tasks on this machine, the parts of one try strictly one after another."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.under_way: set[Any] = set()

    def _process_workloads(self, workload_list: Sequence[Any]) -> None:
        """Hand on what may start; the rest stays queued until the next heartbeat."""
        ready = [one for one in workload_list if one.key not in self.under_way]
        self.under_way.update(one.key for one in ready if isinstance(one, ExecuteTask))
        if ready:
            super()._process_workloads(ready)  # type: ignore[no-untyped-call]

    def change_state(
        self, key: Any, state: Any, info: Any = None, remove_running: bool = True
    ) -> None:
        """Note that a part has ended, or is not to be waited for any longer."""
        if state in ENDED:
            self.under_way.discard(key)
        super().change_state(key, state, info, remove_running)
