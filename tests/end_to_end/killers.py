"""Killing the process of a task while it is in the middle of its work."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from comove.embedded.rest import AirflowClient
from comove.embedded.server import log_in
from comove.embedded.state import read_state
from comove.errors import ComoveError
from comove.settings import Settings

DAG = "warehouse"


class TaskKiller(threading.Thread):
    """Kills the first try of some tasks, each once it has begun to write.

    Parameters
    ----------
    settings : Settings
        Whose Airflow.
    begun : dict of str to callable
        For each task, whether it is in the middle of its work.
    """

    def __init__(self, settings: Settings, begun: dict[str, Callable[[], bool]]) -> None:
        super().__init__(daemon=True)
        self.killed: list[str] = []
        self._settings = settings
        self._begun = begun
        self._is_over = threading.Event()

    def end(self) -> None:
        """Stop watching."""
        self._is_over.set()
        self.join()

    def run(self) -> None:
        """Watch until every task has been killed once."""
        while not self._is_over.is_set() and len(self.killed) < len(self._begun):
            with suppress(ComoveError):
                self._watch()
            time.sleep(0.2)

    def _watch(self) -> None:
        running = read_state(self._settings.places)
        if running is None:
            return
        client = log_in(self._settings.places, running)
        try:
            while not self._is_over.is_set() and len(self.killed) < len(self._begun):
                self._look(client)
                time.sleep(0.05)
        finally:
            client.close()

    def _look(self, client: AirflowClient) -> None:
        for run_id in client.unfinished_runs(DAG):
            for task in client.tasks(DAG, run_id):
                wanted = task.task_id in self._begun and task.task_id not in self.killed
                if wanted and task.state == "running" and task.pid:
                    self._kill_in_the_middle(task.task_id, task.pid)

    def _kill_in_the_middle(self, task_id: str, pid: int) -> None:
        deadline = time.monotonic() + 60
        while not self._begun[task_id]() and time.monotonic() < deadline:
            time.sleep(0.001)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed.append(task_id)
