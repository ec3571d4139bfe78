"""What is running in a home, kept in a file, and the locks that guard it."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from comove.embedded.processes import ProcessMark
from comove.home import Home

Mode = Literal["run", "up"]


@dataclass(frozen=True)
class Running:
    """An Airflow that was started.

    Parameters
    ----------
    keeper : ProcessMark
        First process of its session; every other one belongs to that session.
    owner : ProcessMark
        The `make run` that started it and will stop it.
    mode : str
        ``run`` ends with its owner; ``up`` stays until `make down`.
    port : int
        Where the API server listens on 127.0.0.1.
    settings_hash : str
        Fingerprint of the settings its tasks run with.
    began : str
        When it was started, in UTC, as ISO 8601.
    """

    keeper: ProcessMark
    owner: ProcessMark
    mode: Mode
    port: int
    settings_hash: str
    began: str

    @property
    def url(self) -> str:
        """Address of the UI and the REST interface."""
        return f"http://127.0.0.1:{self.port}"


def state_file(home: Home) -> Path:
    """Where a home notes what it runs."""
    return home.airflow / "running.json"


def read_state(home: Home) -> Running | None:
    """Read what was started in a home and not yet stopped, dead or alive."""
    try:
        noted = json.loads(state_file(home).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return Running(
        keeper=ProcessMark(**noted["keeper"]),
        owner=ProcessMark(**noted["owner"]),
        mode=noted["mode"],
        port=noted["port"],
        settings_hash=noted["settings_hash"],
        began=noted["began"],
    )


def write_state(home: Home, running: Running) -> None:
    """Note what was started, in one step."""
    fresh = state_file(home).with_suffix(".fresh")
    fresh.write_text(json.dumps(asdict(running)))
    fresh.replace(state_file(home))


def forget_state(home: Home) -> None:
    """Note that nothing runs."""
    with suppress(FileNotFoundError):
        state_file(home).unlink()


class Lock:
    """A lock file that the system releases when its holder dies, however it dies.

    Parameters
    ----------
    file : Path
        Created when missing, never deleted.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._stream = file.open("a")

    def take(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock, or change how it is held.

        Returns
        -------
        bool
            False when someone else holds it and `wait` is false.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._stream, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let others take it."""
        fcntl.flock(self._stream, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release it for good."""
        self._stream.close()


@contextmanager
def starting(home: Home) -> Iterator[None]:
    """Hold the right to start or stop what a home runs."""
    lock = Lock(home.airflow / "starting.lock")
    lock.take()
    try:
        yield
    finally:
        lock.close()


def users_lock(home: Home) -> Lock:
    """Lock that everyone who uses a home's Airflow shares."""
    return Lock(home.airflow / "users.lock")
