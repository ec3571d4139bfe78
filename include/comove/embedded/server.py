"""Starting and stopping the Airflow of a home."""

import datetime as dt
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from comove.embedded.environment import (
    POOL,
    airflow_command,
    airflow_environment,
    free_port,
    passwords,
)
from comove.embedded.keeper import PARTS
from comove.embedded.processes import ProcessMark, end_session, mark_of
from comove.embedded.rest import AirflowClient, AirflowError
from comove.embedded.state import (
    Mode,
    Running,
    forget_state,
    read_state,
    starting,
    state_file,
    write_state,
)
from comove.home import Home, project_root
from comove.settings import Settings

START_SECONDS = 300.0
POLL_SECONDS = 0.4
PARTS_OF_MODE = {
    "run": ("api-server", "scheduler", "dag-processor"),
    "up": ("api-server", "scheduler", "dag-processor", "triggerer"),
}
Say = Callable[[str], None]


def ensure_running(settings: Settings, mode: Mode, *, say: Say) -> Running:
    """Give the home's Airflow, started if need be.

    Parameters
    ----------
    settings : Settings
        Say which home; the tasks run with them.
    mode : str
        ``run`` or ``up``; an Airflow that is up is also used by runs.
    say : callable
        Told what happens, a sentence at a time.

    Returns
    -------
    Running
        Healthy, with all DAG files read.

    Raises
    ------
    AirflowError
        When it does not come up, with the end of the guilty log.
    """
    home = settings.places
    home.make()
    with starting(home):
        running = _usable(settings, mode)
        if running is None:
            stop(home)
            prepare(settings, say=say)
            running = _start(settings, mode)
    wait_until_ready(home, running)
    return running


def prepare(settings: Settings, *, say: Say) -> None:
    """Create or upgrade Airflow's database, pool and passwords; once per version."""
    home = settings.places
    passwords(home)
    stamp = home.airflow / "prepared"
    wanted = _prepared_for()
    if stamp.is_file() and stamp.read_text() == wanted and _database(home).is_file():
        return
    say("Preparing Airflow's database")
    environment = airflow_environment(settings, port=0)
    _airflow(environment, "db", "migrate")
    words = "One writer at a time: DuckDB has no more"
    _airflow(environment, "pools", "set", POOL, "1", words)
    stamp.write_text(wanted)


def wait_until_ready(home: Home, running: Running) -> None:
    """Wait until every part is healthy and every DAG file has been read.

    Raises
    ------
    AirflowError
        After `START_SECONDS`, or when the keeper is gone.
    """
    client = log_in(home, running)
    begun = time.monotonic()
    try:
        while not client.health():
            _give_up_after(START_SECONDS, begun, home, running)
            time.sleep(POLL_SECONDS)
        client.warm_up()
        while not (_is_healthy(client) and _dags_are_read(client, running)):
            _give_up_after(START_SECONDS, begun, home, running)
            time.sleep(POLL_SECONDS)
    finally:
        client.close()


def log_in(home: Home, running: Running) -> AirflowClient:
    """Client of a running Airflow, as its administrator."""
    return AirflowClient(running.url, "admin", passwords(home)["admin"])


def stop(home: Home, *, patience_seconds: float = 5.0) -> int:
    """End every process of the Airflow noted in a home, also after a crash.

    Parameters
    ----------
    home : Home
        Whose Airflow.
    patience_seconds : float
        How long the processes may take to end by themselves.

    Returns
    -------
    int
        How many processes were ended.
    """
    if not (noted := read_state(home)):
        return 0
    ended = end_session(noted.keeper, patience_seconds=patience_seconds)
    forget_state(home)
    return ended


def dag_ids() -> list[str]:
    """Names of the DAGs, one file each."""
    return sorted(file.stem for file in (project_root() / "dags").glob("*.py"))


def log_folder(home: Home) -> Path:
    """Where the parts of Airflow write what they print."""
    return home.airflow / "logs" / "parts"


def _usable(settings: Settings, mode: Mode) -> Running | None:
    noted = read_state(settings.places)
    if not noted or not noted.keeper.is_alive:
        return None
    if mode == "up" and noted.mode != "up":
        return None
    if noted.mode == "run" and not noted.owner.is_alive:
        return None
    if noted.settings_hash != settings.fingerprint():
        raise AirflowError(
            "an Airflow with other settings is running here.",
            where=str(settings.places.root),
            remedy="Let it end, or stop it with `make down`; then run again.",
        )
    return noted


def _start(settings: Settings, mode: Mode) -> Running:
    home = settings.places
    port = free_port(8080 if mode == "up" else None)
    folder = log_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.log"):
        old.replace(old.with_suffix(".log.previous"))
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "comove.embedded.keeper",
                state_file(home),
                folder,
                *PARTS_OF_MODE[mode],
            ],
            env=airflow_environment(settings, port),
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(
        keeper=_own_mark(keeper.pid),
        owner=_own_mark(os.getpid()),
        mode=mode,
        port=port,
        settings_hash=settings.fingerprint(),
        began=dt.datetime.now(dt.UTC).isoformat(),
    )
    write_state(home, running)
    return running


def _own_mark(pid: int) -> ProcessMark:
    mark = mark_of(pid)
    if mark is None:
        raise AirflowError(
            "a process ended as soon as it had begun.",
            where=f"process {pid}",
            remedy="Run again; if it happens again, see whether memory is short.",
        )
    return mark


def _is_healthy(client: AirflowClient) -> bool:
    health = client.health()
    needed = ("metadatabase", "scheduler", "dag_processor")
    return all(health.get(part) == "healthy" for part in needed)


def _dags_are_read(client: AirflowClient, running: Running) -> bool:
    began = dt.datetime.fromisoformat(running.began)
    return all(client.dag_parsed_after(name, began) for name in dag_ids())


def _give_up_after(seconds: float, begun: float, home: Home, running: Running) -> None:
    if running.keeper.is_alive and time.monotonic() - begun < seconds:
        return
    raise AirflowError(
        f"Airflow did not come up. {_last_words(home)}",
        where=str(log_folder(home)),
        remedy="Read the logs there; `make down` and run again.",
    )


def _last_words(home: Home) -> str:
    words = []
    for name in PARTS:
        file = log_folder(home) / f"{name}.log"
        lines = file.read_text(errors="replace").splitlines() if file.is_file() else []
        words += [f"{name}: {line.strip()}" for line in lines[-2:]]
    return " | ".join(words)


def _prepared_for() -> str:
    return hashlib.sha256(f"{version('apache-airflow')} {POOL}".encode()).hexdigest()


def _database(home: Home) -> Path:
    return home.airflow / "airflow.db"


def _airflow(environment: dict[str, str], *words: str) -> None:
    done = subprocess.run(
        airflow_command(*words), env=environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise AirflowError(
            f"it ended with {done.returncode}: {done.stderr.strip()[-400:]}",
            where=f"airflow {' '.join(words)}",
            remedy="Correct what it names; a home that cannot be saved can be deleted.",
        )
