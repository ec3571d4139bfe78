"""The real thing: the whole chain through Airflow, undisturbed, doubled, and killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from tests.end_to_end.conftest import Command
from tests.end_to_end.killers import TaskKiller
from tests.end_to_end.tables import Contents, contents

from comove.connection import connect, connect_serving
from comove.embedded.processes import session_members
from comove.embedded.state import read_state
from comove.settings import Settings

# Whole chains, four times over: with the long checks.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def published(settings: Settings) -> Contents:
    with connect_serving(settings) as connection:
        found = contents(connection, "marts", "risk")
    # What each run asked, whatever was answered: as many as there were runs.
    found.pop("risk.review_question")
    return found


def ended(process: subprocess.Popen[str], log: Path) -> str:
    """Wait for a run that must succeed; give what it printed."""
    code = process.wait(timeout=1800)
    printed = log.read_text()
    assert code == 0, printed
    return printed


class Reader(threading.Thread):
    """Opens the published copy over and over, and notes which run made what it sees."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self.runs_seen: list[set[str]] = []
        self.errors: list[str] = []
        self._settings = settings
        self._is_over = threading.Event()

    def run(self) -> None:
        """Read until told to end."""
        while not self._is_over.is_set():
            try:
                self.runs_seen.append(self._runs())
            except Exception as error:
                self.errors.append(repr(error))
            time.sleep(0.02)

    def end(self) -> None:
        """Look once more, and end."""
        self._is_over.set()
        self.join()
        self.runs_seen.append(self._runs())

    def _runs(self) -> set[str]:
        with connect_serving(self._settings) as connection:
            connection.execute("select count(*) from marts.fct_loan_month").fetchall()
            found = connection.execute(
                "select run_id from audit.published_table where schema_name = 'marts' "
                "and table_name not like '%copula%' and table_name != 'fct_margin_count'"
            )
            return {run for (run,) in found.fetchall()}


# In a process of its own: within one process, DuckDB gives everyone who opens a file the
# database that is open there already.
HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
query = "select count(*), sum(hash(t)::hugeint) from marts.fct_loan_month t"
before = connection.execute(query).fetchall()
print("open", flush=True)
sys.stdin.read()
print("same" if connection.execute(query).fetchall() == before else "other")
"""


@pytest.fixture(scope="module")
def undisturbed(
    make_home: Callable[[], Settings],
    make_run: Command,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Settings, list[str]]:
    """A home after two `make run` that were started at once."""
    settings = make_home()
    folder = tmp_path_factory.mktemp("logs")
    logs = [folder / "first.log", folder / "second.log"]
    first = make_run(settings, log=logs[0])
    second = make_run(settings, log=logs[1])
    return settings, [ended(first, logs[0]), ended(second, logs[1])]


def test_two_runs_started_at_once_both_end_well(
    undisturbed: tuple[Settings, list[str]],
) -> None:
    _, printed = undisturbed
    for text in printed:
        assert "warehouse.close_run: success" in text
        assert "risk_model.close_run: success" in text
        assert "marts.fct_loan_month" in text
        assert "champion" in text


def test_each_warehouse_run_is_followed_by_its_models_and_no_month_twice(
    undisturbed: tuple[Settings, list[str]],
) -> None:
    settings, _ = undisturbed
    with connect(settings) as connection:
        # What a drift proposes, and whom a decision refuses, waits for a person.
        runs = connection.execute(
            "select dag_id, status, count(*) from audit.run where dag_id not in "
            "('recalibration', 'credit_decision') group by all order by 1"
        ).fetchall()
    # A report waits for four DAGs; that of the second chain may begin when both commands
    # have seen the first one end.
    runs = [run for run in runs if run[:2] != ("monthly_report", "running")]
    assert {status for _, status, _ in runs} == {"success"}
    counts = {dag: count for dag, _, count in runs}
    assert counts.pop("warehouse") == 2
    # Two updates of one month within a loop of the scheduler are one run of what follows.
    assert set(counts) == {
        "risk_model",
        "joint_risk",
        "default_response",
        "score_drift",
        "overdue_assessment",
        "monthly_report",
    }
    assert set(counts.values()) <= {1, 2}


@pytest.mark.parametrize(
    "table",
    [
        "pd_prediction",
        "residual",
        "score",
        "score_drift",
        "overdue_grade",
        "credit_decision",
        # No index_validation: these homes validate no month (conftest.py).
        "joint_risk_index",
        "concentration",
        "portfolio_loss",
    ],
)
def test_predictions_residuals_and_scores_are_published(
    undisturbed: tuple[Settings, list[str]], table: str
) -> None:
    assert published(undisturbed[0])[f"risk.{table}"][0] > 0


def test_the_month_is_reported_once_its_last_stages_are_published(
    undisturbed: tuple[Settings, list[str]],
) -> None:
    settings, printed = undisturbed
    (page,) = settings.places.reports.glob("monthly_report/*/index.html")
    text = page.read_text()
    assert all("monthly_report.report: success" in one for one in printed)
    assert page.with_name("monthly_report.pdf").read_bytes().startswith(b"%PDF")
    # No borrower's key, and of the stages only what nobody has run.
    assert not re.search(r"\b[0-9a-f]{32}\b", text)
    assert set(re.findall(r"\b(\w+): not available", text)) <= {"Recalibration"}


def test_nothing_is_left_running_afterwards(
    undisturbed: tuple[Settings, list[str]],
) -> None:
    settings, _ = undisturbed
    assert read_state(settings.places) is None
    home = str(settings.places.root)
    left = [
        process.pid
        for process in psutil.process_iter()
        if process.pid != os.getpid() and home in _environment_of(process)
    ]
    assert left == []


@dataclass(frozen=True)
class Disturbed:
    """What came of a run whose tasks were killed while others read."""

    settings: Settings
    killed: list[str]
    runs_seen: list[set[str]]
    errors: list[str]
    held: str


@pytest.fixture(scope="module")
def disturbed(
    undisturbed: tuple[Settings, list[str]],
    make_home: Callable[[], Settings],
    make_run: Command,
    tmp_path_factory: pytest.TempPathFactory,
) -> Disturbed:
    """The same lender in a new home, with tasks killed and a reader at work."""
    like, _ = undisturbed
    settings = make_home()
    for name in ("landing", "truth", "secrets", "serving"):
        if (like.places.root / name).is_dir():
            shutil.copytree(like.places.root / name, settings.places.root / name)
    shutil.copy(like.places.root / "simulation.json", settings.places.root)
    killer, reader = TaskKiller(settings, _moments(settings)), Reader(settings)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(settings.places.serving)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    log = tmp_path_factory.mktemp("logs") / "disturbed.log"
    process = make_run(settings, log=log)
    killer.start()
    reader.start()
    try:
        ended(process, log)
    finally:
        killer.end()
        reader.end()
    held, _ = holder.communicate()
    return Disturbed(settings, killer.killed, reader.runs_seen, reader.errors, held)


def _moments(settings: Settings) -> dict[str, Callable[[], bool]]:
    warehouse = settings.places.warehouse
    wal = warehouse.with_name(f"{warehouse.name}.wal")
    dbt_runs = settings.places.scratch / "dbt" / "runs"

    def writes() -> bool:
        return wal.exists() and wal.stat().st_size > 0

    def builds() -> bool:
        return dbt_runs.is_dir() and writes()

    def copies() -> bool:
        return any(settings.places.serving.parent.glob("*.fresh"))

    return {"land": writes, "build": builds, "publish": copies}


def test_a_run_whose_tasks_were_killed_ends_with_the_same_tables(
    undisturbed: tuple[Settings, list[str]],
    disturbed: Disturbed,
) -> None:
    assert disturbed.killed == ["land", "build", "publish"]
    assert published(disturbed.settings) == published(undisturbed[0])


def test_readers_saw_the_old_copy_or_the_new_one(disturbed: Disturbed) -> None:
    assert disturbed.errors == []
    assert all(len(runs) == 1 for runs in disturbed.runs_seen)
    assert len({run for runs in disturbed.runs_seen for run in runs}) == 2


def test_who_has_the_old_copy_open_keeps_reading_it(disturbed: Disturbed) -> None:
    assert disturbed.held.split() == ["open", "same"]


def test_everything_is_ended_after_the_command_itself_was_killed(
    undisturbed: tuple[Settings, list[str]], make_run: Command, tmp_path: Path
) -> None:
    settings, _ = undisturbed
    process = make_run(settings, log=tmp_path / "killed.log")
    deadline = time.monotonic() + 120
    while (running := read_state(settings.places)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert session_members(running.keeper) != []
    subprocess.run(
        [sys.executable, "-m", "comove.embedded", "down"],
        env={**os.environ, "COMOVE_HOME": str(settings.places.root)},
        check=True,
    )
    assert session_members(running.keeper) == []
    assert read_state(settings.places) is None


def test_a_wrong_month_ends_with_a_sentence(
    undisturbed: tuple[Settings, list[str]], make_run: Command, tmp_path: Path
) -> None:
    settings, _ = undisturbed
    said = json.loads((settings.places.root / "simulation.json").read_text())
    log = tmp_path / "wrong.log"
    process = make_run(settings, "--month", "2024-01", log=log)
    assert process.wait(timeout=600) == 1
    printed = log.read_text()
    assert f"2024-01 is after {said['last_month'][:7]}" in printed
    assert "Traceback" not in printed


def _environment_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.environ().values())
    except (psutil.Error, OSError):
        return ""
