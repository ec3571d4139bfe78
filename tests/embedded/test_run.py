"""What `make run` does about the run of one that died."""

import datetime as dt

import pytest

from comove.audit import open_run
from comove.connection import connect
from comove.embedded.processes import ProcessMark
from comove.embedded.run import _fail_abandoned
from comove.embedded.state import Running
from comove.settings import Settings

DEAD = "make_run__2024-12__20241231T080000__11"
LATER = "make_run__2024-12__20250101T130000__12"
BACKFILL = "backfill__2024-01"


class Airflow:
    """Has unfinished runs, and notes which are marked failed."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def unfinished_runs(self, _dag_id: str) -> list[str]:
        return [DEAD, LATER, BACKFILL]

    def fail_run(self, _dag_id: str, run_id: str, _note: str) -> None:
        self.failed.append(run_id)


@pytest.fixture
def statuses(settings: Settings) -> tuple[Airflow, dict[str, str]]:
    for run_id in (DEAD, LATER, BACKFILL):
        open_run(settings, run_id=run_id, dag_id="warehouse", month=dt.date(2024, 12, 1))
    mark = ProcessMark(1, 1.0)
    running = Running(mark, mark, "run", 1, "", "2025-01-01T12:00:00+00:00")
    airflow = Airflow()
    _fail_abandoned(airflow, running, settings)  # type: ignore[arg-type] - a stand-in
    with connect(settings) as connection:
        found = connection.execute("select run_id, status from audit.run").fetchall()
    return airflow, dict(found)


def test_airflow_does_not_take_up_the_run_of_a_command_that_died(
    statuses: tuple[Airflow, dict[str, str]],
) -> None:
    assert statuses[0].failed == [DEAD]


def test_the_audit_trail_does_not_show_it_as_running_for_ever(
    statuses: tuple[Airflow, dict[str, str]],
) -> None:
    assert statuses[1] == {DEAD: "failed", LATER: "running", BACKFILL: "running"}
