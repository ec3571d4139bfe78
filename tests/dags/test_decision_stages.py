"""What the stages of the decision do besides calling the library, and how it asks."""

import datetime as dt
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.decision.small_lender import open_lender, planted_cases, rows

from comove.settings import Settings
from comove_airflow import decision_stages as stages
from comove_airflow import stage
from comove_airflow.question import keep_evidence, kept_evidence
from comove_airflow.review_approval import ReviewApproval

NOON = dt.datetime(2024, 7, 3, 14, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))


@pytest.fixture(scope="module")
def lender_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("lender"))
    return open_lender(settings, planted_cases()).places.warehouse


@pytest.fixture
def home(
    settings: Settings, lender_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A lender in the home that the environment names, as it does for tasks."""
    monkeypatch.setenv("COMOVE_HOME", str(settings.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", settings.portfolio)
    settings.places.make()
    shutil.copyfile(lender_file, settings.places.warehouse)
    return settings


def context(
    results: dict[str, Any] | None = None, *, run_id: str = "this run", **form: Any
) -> Any:
    """What Airflow hands to a task of a run for June."""
    run = SimpleNamespace(
        run_id=run_id,
        dag_id="credit_decision",
        conf=form,
        partition_key="2024-06",
        run_after=dt.datetime(2024, 7, 2, tzinfo=dt.UTC),
        triggering_user_name="ada",
    )
    found = results or {}
    return {
        "dag_run": run,
        "dag": SimpleNamespace(params=["application", "month", "portfolio"]),
        "params": form,
        "ti": SimpleNamespace(xcom_pull=lambda *, task_ids: found.get(task_ids)),
        "outlets": [],
    }


@dataclass
class Decided:
    """What the library reports of one application, as far as a person is asked."""

    reviews_waiting: int
    waiting_id: str
    evidence: str


def operator() -> ReviewApproval:
    return ReviewApproval(task_id="approve", asked_by="decide", subject="Confirm")


def answered(option: str, **given: Any) -> dict[str, Any]:
    said = {"reason": " The committee agreed ", "limit": None, "strategy": ""}
    return {
        "chosen_options": [option],
        "params_input": said | given,
        "responded_at": NOON,
        "responded_by_user": {"id": "7", "name": "grace"},
    }


def decided(*, run_id: str = "this run", **form: Any) -> dict[str, Any]:
    found = stages.export(context(run_id=run_id, **form))
    if found["asked"]:
        stages.estimate(context({"export": found}, run_id=run_id, **form))
    return {"export": found, "decide": stages.decide(context(run_id=run_id, **form))}


def one_refused(home: Settings) -> str:
    found: str = rows(
        home,
        "select min(application_key) from risk.credit_decision where refused_at = "
        "'admission' and review_status = 'waiting' and limit_if_admitted > 500",
    )[0][0]
    return found


def test_the_run_is_opened_for_its_month(home: Settings) -> None:
    assert stages.open_run(context())["month"] == "2024-06"
    assert rows(home, "select dag_id, month from audit.run") == [
        ("credit_decision", dt.date(2024, 6, 1))
    ]


@pytest.mark.usefixtures("home")
def test_a_field_the_form_does_not_have_is_refused() -> None:
    with pytest.raises(AirflowFailException, match="no field 'borrower'"):
        stages.open_run(context(borrower="b"))


@pytest.mark.slow
def test_results_of_stages_are_figures_and_no_rows(home: Settings) -> None:
    results = decided()
    said = str(results)
    found = rows(home, "select application_key from risk.decision_case")
    keys = [key for (key,) in found]
    assert results["decide"]["reviews_waiting"] > 0
    assert not any(key in said for key in keys)


@pytest.mark.usefixtures("home")
def test_why_one_was_decided_reaches_the_question_and_neither_log_nor_result(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from comove.decision import decide

    found = Decided(1, "these", "| Asked for | 512 |\n\n- income is low")
    monkeypatch.setattr(decide, "decide", lambda *_, **__: found)
    monkeypatch.setattr(HITLOperator, "execute", lambda *_: None)
    caplog.set_level(logging.INFO)
    result = stages.decide(context(application="a"))
    assert set(result) == {"reviews_waiting", "waiting_id", "seconds"}
    assert "decide: {'reviews_waiting': 1" in caplog.text
    assert "512" not in caplog.text
    asking = operator()
    asking.execute(context({"decide": result}))
    assert asking.body.startswith("| Asked for | 512 |\n\n- income is low")


@pytest.mark.usefixtures("home")
def test_what_was_shown_goes_with_the_end_of_a_run_that_succeeded(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[str] = ["approve"]
    monkeypatch.setattr(stage, "failed_tasks", lambda _: failed)
    monkeypatch.setattr(stage, "stage_seconds", lambda _: {})
    monkeypatch.setattr("comove.warehouse.refresh_published_audit", lambda _: None)
    given = context()
    keep_evidence(given, "| a table |")
    with pytest.raises(stage.FailedBeforeError):
        stage.close_record(given)
    assert kept_evidence(given) == "| a table |"
    failed.clear()
    stage.close_record(given)
    with pytest.raises(AirflowFailException, match="Run the DAG again: it asks anew"):
        operator().execute(context({"decide": {"reviews_waiting": 1}}))
    assert not [*home.places.scratch.glob("questions/*/*")]


@pytest.mark.parametrize(
    ("option", "status", "is_final"),
    [("Approve", "confirmed", True), ("Reject", "returned", False)],
)
def test_either_answer_is_recorded_with_who_and_when(
    home: Settings, option: str, status: str, is_final: bool
) -> None:
    results = decided()
    results["approve"] = operator().execute_complete(context(), answered(option))
    done = stages.record_review(context(results))
    assert done[status] == results["decide"]["reviews_waiting"]
    found = rows(
        home,
        "select distinct review_status, reviewed_by, reviewed_at, review_reason, "
        "final_decision is not null from risk.credit_decision "
        "where reviewed_in_run = 'this run'",
    )
    noon = dt.datetime(2024, 7, 3, 12, 0)
    assert found == [(status, "grace", noon, "The committee agreed", is_final)]
    # Decided again after a crash it is decided once.
    assert stages.record_review(context(results))[status] == done[status]


@pytest.mark.slow
def test_one_case_by_form_is_decided_and_turned_round(home: Settings) -> None:
    decided()
    key = one_refused(home)
    results = decided(application=key)
    assert results["decide"]["reviews_waiting"] == 1
    said = answered("Reject", limit=120.0, strategy=" secured ")
    results["approve"] = operator().execute_complete(context(), said)
    assert stages.record_review(context(results, application=key))["overruled"] == 1
    found = rows(
        home,
        "select credit_limit, strategy from risk.credit_decision "
        f"where application_key = '{key}'",
    )
    assert found == [(120.0, "secured")]


@pytest.mark.slow
def test_a_case_is_answered_while_the_months_question_waits(home: Settings) -> None:
    """The month's answer comes last, and holds for all but that case."""
    of_month = decided(run_id="the month")
    key = one_refused(home)
    of_case = decided(run_id="the case", application=key)
    of_case["approve"] = operator().execute_complete(context(), answered("Reject"))
    turned = context(of_case, run_id="the case", application=key)
    assert stages.record_review(turned)["overruled"] == 1
    of_month["approve"] = operator().execute_complete(context(), answered("Approve"))
    done = stages.record_review(context(of_month, run_id="the month"))
    assert done["confirmed"] == of_month["decide"]["reviews_waiting"] - 1 > 0
    found = rows(
        home,
        "select reviewed_in_run, final_decision from risk.credit_decision "
        f"where application_key = '{key}'",
    )
    assert found == [("the case", "admit")]
    waiting = "select count(*) from risk.credit_decision where review_status = 'waiting'"
    assert rows(home, waiting) == [(0,)]


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_where_all_is_decided_nothing_is_estimated() -> None:
    decided()
    found = stages.export(context())
    with pytest.raises(AirflowSkipException, match="has been decided on before"):
        stages.estimate(context({"export": found}))


@pytest.mark.usefixtures("home")
def test_an_unknown_application_fails_the_run_at_once() -> None:
    with pytest.raises(AirflowFailException, match="no application with this id"):
        stages.export(context(application="A1"))


def test_where_nothing_waits_nobody_is_asked() -> None:
    with pytest.raises(AirflowSkipException, match="No decision waits"):
        operator().execute(context({"decide": {"reviews_waiting": 0}}))


def test_without_an_answer_in_time_decisions_wait_for_the_next_run() -> None:
    event = {"error": "no response", "error_type": "timeout"}
    with pytest.raises(AirflowSkipException, match="the next run asks again"):
        operator().execute_complete(context(), event)


@pytest.mark.usefixtures("home")
def test_one_case_that_is_there_is_answered_without_building_anew() -> None:
    form = {"application": f"{0:032x}"}
    assert stages.link_identities(context(**form))["reused"]
    assert stages.build_cases(context(**form))["reused"]
