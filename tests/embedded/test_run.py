"""How `make run` follows a month, and what it does about the run of one that died."""

import datetime as dt
import io
import re

import pytest
from rich.console import Console

from comove.audit import open_run
from comove.connection import connect
from comove.embedded import run
from comove.embedded.processes import ProcessMark
from comove.embedded.rest import AirflowError, TaskState
from comove.embedded.run import _fail_abandoned, _follow_chain, wait_for_follower
from comove.embedded.state import Running
from comove.home import project_root
from comove.settings import Settings

DEAD = "make_run__2024-12__20241231T080000__11"
LATER = "make_run__2024-12__20250101T130000__12"
BACKFILL = "backfill__2024-01"
FOLLOWER_OF_DEAD = "asset_triggered__2024-12-31T09:00:00"
FOLLOWER_OF_LATER = "asset_triggered__2025-01-01T14:00:00"
# Two DAGs further on, and the run in between has ended.
LAST_OF_DEAD = "asset_triggered__2024-12-31T11:00:00"
IN_BETWEEN = "asset_triggered__2024-12-31T10:00:00"
BY_HAND = "manual__2024-12-31"
CAUSES: dict[str, list[tuple[str, str]]] = {
    FOLLOWER_OF_DEAD: [("warehouse", DEAD)],
    FOLLOWER_OF_LATER: [("warehouse", LATER)],
    LAST_OF_DEAD: [("joint_risk", IN_BETWEEN)],
    IN_BETWEEN: [("risk_model", FOLLOWER_OF_DEAD)],
    BY_HAND: [],
}


class Airflow:
    """Has unfinished runs, and notes which are marked failed."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def unfinished_runs(self, dag_id: str) -> list[str]:
        followers = {
            "warehouse": [DEAD, LATER, BACKFILL],
            "risk_model": [FOLLOWER_OF_DEAD, FOLLOWER_OF_LATER],
            "default_response": [LAST_OF_DEAD, BY_HAND],
        }
        return followers.get(dag_id, [])

    def causes(self, _dag_id: str, run_id: str) -> list[tuple[str, str]]:
        return CAUSES.get(run_id, [])

    def fail_run(self, _dag_id: str, run_id: str, _note: str) -> None:
        self.failed.append(run_id)


@pytest.fixture
def statuses(settings: Settings) -> tuple[Airflow, dict[str, str]]:
    for run_id in (DEAD, LATER, BACKFILL, *CAUSES):
        open_run(settings, run_id=run_id, dag_id="any", month=dt.date(2024, 12, 1))
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
    assert statuses[0].failed == [DEAD, FOLLOWER_OF_DEAD, LAST_OF_DEAD]


def test_the_audit_trail_does_not_show_it_as_running_for_ever(
    statuses: tuple[Airflow, dict[str, str]],
) -> None:
    assert statuses[1] == {
        DEAD: "failed",
        LATER: "running",
        BACKFILL: "running",
        FOLLOWER_OF_DEAD: "failed",
        FOLLOWER_OF_LATER: "running",
        LAST_OF_DEAD: "failed",
        IN_BETWEEN: "running",
        BY_HAND: "running",
    }


class Chain:
    """An Airflow whose runs have ended, and whose models follow late."""

    def __init__(
        self,
        states: dict[str, str],
        unfinished: tuple[str, ...] = (),
        runs_at_once: int = 1,
    ) -> None:
        self.asked: list[str] = []
        self._states = states
        self._unfinished = unfinished
        self._runs_at_once = runs_at_once

    def unfinished_runs(self, dag_id: str) -> list[str]:
        return list(self._unfinished) if dag_id == "default_response" else []

    def runs_at_once(self, _dag_id: str) -> int:
        return self._runs_at_once

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        if run_id in self._unfinished:
            return [TaskState("approve", "awaiting_input", 1, None, dag_id=dag_id)]
        return [
            TaskState(
                name.split(".")[1], state, 1, 1.0, dag_id=dag_id, ended_at="at noon"
            )
            for name, state in self._states.items()
            if name.startswith(dag_id)
        ]

    def run_state(self, dag_id: str, run_id: str) -> str:
        states = [task.state for task in self.tasks(dag_id, run_id)]
        return "failed" if "failed" in states else "success"

    def following_run(self, _dag_id: str, partition: str, since: str) -> str | None:
        self.asked.append(f"{partition} since {since}")
        # Not at once, but when asked again.
        return "theirs" if self.asked[-2:] == ["2024-12 since at noon"] * 2 else None


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "POLL_SECONDS", 0.0)


def followed(
    states: dict[str, str], *unfinished: str, runs_at_once: int = 1
) -> tuple[list[tuple[str, str, str]], list[str]]:
    said, airflow = io.StringIO(), Chain(states, unfinished, runs_at_once)
    ended = _follow_chain(airflow, "ours", "2024-12", Console(file=said))  # type: ignore[arg-type] - a stand-in
    found = [(one.dag_id, one.run_id, one.state) for one in ended]
    return found, said.getvalue().splitlines()


def test_the_models_are_followed_once_the_marts_are_published() -> None:
    found, said = followed(
        {"warehouse.publish": "success", "risk_model.train": "success"}
    )
    assert found == [
        ("warehouse", "ours", "success"),
        ("risk_model", "theirs", "success"),
    ]
    assert said == [
        "warehouse.publish: success after 1.0 s",
        "risk_model.train: success after 1.0 s",
    ]


def test_models_that_fail_are_a_failure() -> None:
    found, _ = followed({"warehouse.publish": "success", "risk_model.train": "failed"})
    assert found[1] == ("risk_model", "theirs", "failed")


def test_a_failure_after_publishing_does_not_hide_the_models() -> None:
    states = {"warehouse.publish": "success", "warehouse.docs": "failed"}
    found, _ = followed({**states, "risk_model.train": "success"})
    assert [state for _, _, state in found] == ["failed", "success"]


def test_nothing_follows_marts_that_were_not_published() -> None:
    found, _ = followed({"warehouse.gate_tables": "failed"})
    assert found == [("warehouse", "ours", "failed")]


PUBLISHED = {
    f"{dag_id}.publish": "success"
    for dag_id in ("warehouse", "risk_model", "joint_risk", "score_drift")
}
LAST_OF_THE_MONTH = {
    f"{dag_id}.publish": "success"
    for dag_id in ("default_response", "overdue_assessment", "credit_decision")
}


def test_everything_else_follows_the_models() -> None:
    drifted = {"score_drift.tell_drift": "success"}
    found, _ = followed(PUBLISHED | LAST_OF_THE_MONTH | drifted)
    assert [dag_id for dag_id, _, _ in found] == list(run.CHAIN)
    assert {state for _, _, state in found} == {"success"}


def test_nobody_recalibrates_where_no_drift_is_told() -> None:
    found, _ = followed({**PUBLISHED, "score_drift.tell_drift": "skipped"})
    assert ("score_drift", "theirs", "success") in found
    assert "recalibration" not in [dag_id for dag_id, _, _ in found]


def test_without_joint_risk_nothing_responds_and_the_score_is_followed() -> None:
    found, _ = followed({**PUBLISHED, "joint_risk.publish": "skipped"})
    assert [dag_id for dag_id, _, _ in found] == [
        "warehouse",
        "risk_model",
        "joint_risk",
        "score_drift",
        "overdue_assessment",
        "credit_decision",
    ]


def test_without_joint_risk_the_month_is_reported_all_the_same() -> None:
    absent = {"joint_risk.publish": "skipped", "joint_risk.tell_unavailable": "success"}
    found, _ = followed(PUBLISHED | LAST_OF_THE_MONTH | absent)
    assert found[-1] == ("monthly_report", "theirs", "success")


@pytest.mark.parametrize(
    "dag_id", ["default_response", "score_drift", "overdue_assessment", "credit_decision"]
)
def test_no_report_is_waited_for_while_a_stage_is_not_published(dag_id: str) -> None:
    failed = {f"{dag_id}.publish": "failed"}
    found, _ = followed(PUBLISHED | LAST_OF_THE_MONTH | failed)
    assert "monthly_report" not in [name for name, _, _ in found]


def test_a_drift_that_fails_does_not_hide_the_response() -> None:
    states = PUBLISHED | {"score_drift.gate_drift": "failed"}
    found, _ = followed({**states, "default_response.publish": "success"})
    assert ("score_drift", "theirs", "failed") in found
    assert ("default_response", "theirs", "success") in found


def test_a_question_to_a_person_is_not_waited_for() -> None:
    asked = {"default_response.approve": "awaiting_input"}
    then = {"default_response.export": "success", "default_response.decide": "none"}
    found, _ = followed(PUBLISHED | asked | then)
    assert ("default_response", "theirs", "awaiting_input") in found
    assert ("score_drift", "theirs", "success") in found


def test_a_response_behind_one_that_waits_for_a_person_is_not_waited_for() -> None:
    found, _ = followed(
        {**PUBLISHED, "default_response.open_run": "none"}, "last month's"
    )
    assert ("default_response", "theirs", "awaiting_input") in found


def test_a_response_that_may_run_beside_one_that_waits_is_followed() -> None:
    states = PUBLISHED | LAST_OF_THE_MONTH
    found, _ = followed(states, "last month's", runs_at_once=2)
    assert ("default_response", "theirs", "success") in found
    assert found[-1] == ("monthly_report", "theirs", "success")


def test_every_task_of_the_chain_has_its_place_in_the_table() -> None:
    files = {dag_id: project_root() / f"dags/{dag_id}.py" for dag_id in run.CHAIN}
    for dag_id, file in files.items():
        wired = re.findall(r"task_id=\"(\w+)\"", file.read_text())
        assert sorted(wired) == sorted(run.TASKS[dag_id])


def test_models_that_do_not_follow_are_told_in_a_sentence() -> None:
    with pytest.raises(AirflowError, match=r"'risk_model' has not followed.*not paused"):
        wait_for_follower(
            Chain({}),  # type: ignore[arg-type] - a stand-in
            "risk_model",
            "2024-12",
            "at noon",
            timeout_seconds=0,
        )
