"""Which task tells what, through the stages and callbacks as Airflow calls them."""

import datetime as dt
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput
from tests.dags.test_dag_files import DAGS, TASKS, dag_of
from tests.notify.receiver import Receiver, listening

from comove import quality
from comove.errors import GateFailedError, WarehouseError
from comove.settings import Settings
from comove_airflow import response_stages, warehouse_stages
from comove_airflow.approval import PersonApproval
from comove_airflow.freeze_approval import FreezeApproval
from comove_airflow.notify import FAILURE, SUCCESS
from comove_airflow.question import keep_evidence
from comove_airflow.stage import FailedBeforeError, stage

UI = "http://ui.example"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as server:
        yield server


@pytest.fixture
def home(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A home that the environment names, with somebody to tell."""
    monkeypatch.setenv("COMOVE_HOME", str(settings.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", settings.portfolio)
    monkeypatch.setenv("COMOVE_NOTIFY_URLS", f"all={receiver.address()}")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", UI)
    return settings


def context(dag_id: str, task_id: str, **more: Any) -> Any:
    """What Airflow hands to a callback of a task of a run for March."""
    dag = dag_of(dag_id)
    results: dict[str, Any] = more.pop("results", {})
    run = SimpleNamespace(
        run_id="run",
        dag_id=dag_id,
        conf={},
        partition_key="2024-03",
        run_after=dt.datetime(2024, 4, 2, tzinfo=dt.UTC),
    )
    ti = SimpleNamespace(
        id="id", task_id=task_id, xcom_pull=lambda task_ids: results.get(task_ids)
    )
    fixed = {"dag": dag, "dag_run": run, "params": {}, "ti": ti, "task_instance": ti}
    return {**fixed, "task": dag.get_task(task_id), **more}


def failing(function: Any, given: Any) -> BaseException:
    """The error a stage ends with, as Airflow puts it into the context."""
    with pytest.raises(AirflowFailException) as caught:
        function(given)
    return caught.value


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.dag_id}-{task.task_id}")
def test_every_task_tells_how_it_ended(task: Any) -> None:
    assert task.on_failure_callback == [FAILURE]
    assert task.on_success_callback == [SUCCESS]


def test_every_dag_that_judges_has_the_tasks_after_which_something_is_told() -> None:
    judging = [dag for dag in DAGS if any("gate" in name for name in dag.task_ids)]
    assert len(judging) >= 8
    for dag in judging:
        assert {"publish", "close_run"} <= set(dag.task_ids)


def test_a_gate_that_fails_in_its_stage_is_told_by_its_checks(
    home: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise GateFailedError("B17", where="gate", remedy="", checks=("Keys are unique",))

    monkeypatch.setattr(quality, "run_gate", refuse)
    given = context("warehouse", "gate_tables")
    given["exception"] = failing(warehouse_stages.gate_tables, given)
    FAILURE(given)
    FAILURE(given)
    assert receiver.titles == ["comove contract: a gate stopped warehouse of 2024-03"]
    assert receiver.bodies == [
        "gate_tables: 1 critical check(s) failed: Keys are unique.\n\n"
        f"{UI}/comove/data-quality?month=2024-03"
    ]


def test_any_other_failure_is_told_with_a_link_to_the_run(
    home: Settings, receiver: Receiver
) -> None:
    @stage
    def publish(_: Any) -> None:
        raise WarehouseError("the disk is full.", where="disk", remedy="Free space.")

    given = context("warehouse", "publish")
    given["exception"] = failing(publish, given)
    FAILURE(given)
    assert receiver.bodies == [
        f"The task publish failed.\n\n{UI}/dags/warehouse/runs/run"
    ]


def test_the_last_task_tells_only_of_those_that_could_not(
    home: Settings, receiver: Receiver
) -> None:
    FAILURE(context("risk_model", "train", exception=MemoryError()))
    ended = FailedBeforeError(["report", "train"])
    FAILURE(context("risk_model", "close_run", exception=ended))
    assert [body.split("\n")[0] for body in receiver.bodies] == [
        "The task train failed.",
        "The task report failed.",
    ]


def test_a_failure_after_a_good_end_is_told_anew(
    home: Settings, receiver: Receiver
) -> None:
    failed = context("risk_model", "train", exception=MemoryError())
    FAILURE(failed)
    SUCCESS(context("risk_model", "close_run"))
    FAILURE(failed)
    assert len(receiver.posts) == 2


def test_a_run_for_a_month_that_is_none_is_told_without_it(
    home: Settings, receiver: Receiver
) -> None:
    given = context(
        "warehouse", "open_run", exception=ValueError(), params={"month": "x"}
    )
    FAILURE(given)
    assert receiver.titles == ["comove contract: warehouse failed"]


def test_once_published_warnings_are_told(home: Settings, receiver: Receiver) -> None:
    home.places.make()
    with duckdb.connect(home.places.serving) as connection:
        connection.execute(
            "create schema audit; create table audit.quality_result as select "
            "'run' as run_id, 'marts' as stage, 'Slow' as check_name, "
            "'warning' as severity, false as success, '' as observed"
        )
    SUCCESS(context("warehouse", "publish"))
    SUCCESS(context("warehouse", "publish"))
    SUCCESS(context("warehouse", "build"))
    assert receiver.titles == ["comove contract: warnings of warehouse of 2024-03"]


def test_what_goes_wrong_in_telling_is_a_warning(
    home: Settings, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    # Nothing has been published.
    SUCCESS(context("warehouse", "publish"))
    assert receiver.posts == []
    assert "telling people failed: WarehouseError" in caplog.text


def test_without_addresses_nothing_is_read(
    home: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("COMOVE_NOTIFY_URLS")
    caplog.set_level(logging.INFO)
    SUCCESS(context("warehouse", "publish"))
    assert "telling" not in caplog.text


def ask(monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]) -> None:
    """Let the task `approve` of the response ask, up to where it begins to wait."""
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **_: None)
    given = context("default_response", "approve", results={"respond": asked})
    operator = FreezeApproval(task_id="approve", asked_by="respond", subject="Freeze")
    keep_evidence(given, "| a table |")
    with pytest.raises(TaskAwaitingInput):
        operator.execute(given | {"task": operator})


def test_a_question_is_told_once_with_a_link_to_its_form(
    home: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"freezes_waiting": 20, "waiting_id": "these"}
    ask(monkeypatch, asked)
    # As after a process that died while it waited.
    ask(monkeypatch, asked)
    ask(monkeypatch, asked | {"waiting_id": "those"})
    assert (
        receiver.bodies
        == [
            "Freeze: 20 waiting. Answer under Required Actions.\n\n"
            f"{UI}/dags/default_response/runs/run/tasks/approve/required_actions"
        ]
        * 2
    )


def test_our_link_to_the_form_is_the_one_airflow_makes() -> None:
    from comove.notify import Run

    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="approve", map_index=-1)
    theirs = PersonApproval(
        task_id="approve", asked_by="x", subject="s"
    ).generate_link_to_ui(task_instance=ti, base_url=UI)  # type: ignore[arg-type]
    assert theirs.split("?")[0] == Run("d", "r", None, UI).required_actions("approve")


def test_an_address_for_people_elsewhere_goes_before_airflows_own(
    home: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMOVE_NOTIFY_UI_URL", "https://risk.example/airflow")
    FAILURE(context("warehouse", "land", exception=ValueError()))
    assert "https://risk.example/airflow/dags/warehouse/runs/run" in receiver.bodies[0]


def test_a_response_is_told_in_sums(home: Settings, receiver: Receiver) -> None:
    counts = {"events": 3, "linked_debtors": 1200, "actions": {"freeze": 2}, "rules": 5}
    given = context("default_response", "announce", results={"respond": counts})
    done = response_stages.announce(given)
    assert (done["told"], done["failed"]) == (1, 0)
    assert receiver.titles == ["comove contract: default_response of 2024-03"]
    assert "3 new default events, 1,200 linked debtors." in receiver.bodies[0]
