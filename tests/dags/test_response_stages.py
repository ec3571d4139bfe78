"""What the stages of the response do besides calling the library, and how it asks."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.default_response.small_bank import change, links, open_bank, rows

from comove.settings import Settings
from comove_airflow import response_stages
from comove_airflow.freeze_approval import FreezeApproval
from comove_airflow.question import keep_evidence

NOON = dt.datetime(2024, 4, 3, 14, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A bank in the home that the environment names, as it does for tasks."""
    monkeypatch.setenv("COMOVE_HOME", str(settings.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", settings.portfolio)
    return open_bank(settings)


class Results(dict[str, Any]):
    """Results of tasks, as a task instance hands them out."""

    def xcom_pull(self, *, task_ids: str) -> Any:
        return self.get(task_ids)


def context(results: dict[str, Any] | None = None, **form: Any) -> Any:
    """What Airflow hands to a task of a run for March."""
    run = SimpleNamespace(
        run_id="this run",
        dag_id="default_response",
        conf=form,
        partition_key="2024-03",
        run_after=dt.datetime(2024, 4, 2, tzinfo=dt.UTC),
        triggering_user_name="ada",
    )
    return {
        "dag_run": run,
        "dag": SimpleNamespace(params=["borrower", "month", "portfolio"]),
        "params": form,
        "ti": Results(results or {}),
    }


def respond(monkeypatch: pytest.MonkeyPatch, **form: Any) -> dict[str, Any]:
    """Run the stages up to the response; answers their results by task."""
    from comove.default_response import posterior_links
    from comove.default_response.linking import link_debtors
    from comove.default_response.scratch import run_folder

    def linked(settings: Settings, *, run_id: str, tell: Any) -> Any:
        return link_debtors(settings, run_folder(settings, run_id), links(), tell=tell)

    monkeypatch.setattr(posterior_links, "link_run", linked)
    results = {"open_run": response_stages.open_run(context(**form))}
    results["find_events"] = response_stages.find_events(context(**form))
    results["link"] = response_stages.link(context(results, **form))
    results["respond"] = response_stages.respond(context(results, **form))
    return results


def test_results_of_stages_are_sums_and_a_table_for_a_person(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = respond(monkeypatch)
    assert results["respond"]["events"] == 4
    assert results["respond"]["freezes_waiting"] == 20
    text = str(results)
    assert "standing" not in text
    assert "fallen" not in text


def test_a_field_the_form_does_not_have_is_refused(home: Settings) -> None:
    with pytest.raises(AirflowFailException, match="no field 'borower'"):
        response_stages.open_run(context(borower="B1"))


def test_an_unknown_borrower_is_refused_and_not_tried_again(home: Settings) -> None:
    with pytest.raises(AirflowFailException, match="no borrower with this id or key"):
        response_stages.find_events(context(borrower="nobody"))


def test_without_new_events_nothing_is_linked(home: Settings) -> None:
    change(home, "update marts.fct_borrower_month set is_event = false")
    found = response_stages.find_events(context())
    with pytest.raises(AirflowSkipException, match="Nobody has defaulted from 2024-01"):
        response_stages.link(context({"find_events": found}))
    assert response_stages.respond(context())["events"] == 0


def test_a_portfolio_without_joint_risk_succeeds_and_says_why(home: Settings) -> None:
    change(home, "delete from risk.joint_risk_index")
    response_stages.open_run(context())
    assert response_stages.find_events(context())["events"] == 0
    found = rows(home, "select purpose, reason from audit.unavailable_model")
    assert found == [
        ("default_response", "Not available for this portfolio: it has no joint risk.")
    ]


def test_without_addresses_nobody_is_told(home: Settings) -> None:
    with pytest.raises(AirflowSkipException, match="names no address"):
        response_stages.announce(context({"respond": {"events": 3}}))


def test_where_nothing_is_new_nobody_is_told(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMOVE_NOTIFY_URLS", "json://localhost:1/")
    with pytest.raises(AirflowSkipException, match="nothing new to tell"):
        response_stages.announce(context({"respond": {"events": 0}}))


def test_an_address_that_fails_fails_no_run(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMOVE_NOTIFY_URLS", "json://localhost:1/")
    done = response_stages.announce(context({"respond": {"events": 3}}))
    assert (done["told"], done["failed"]) == (0, 1)


@pytest.mark.parametrize("option", ["Approve", "Reject"])
def test_either_answer_is_recorded_with_who_and_when(
    home: Settings, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    results = respond(monkeypatch)
    results["approve"] = operator().execute_complete(context(), answered(option))
    done = response_stages.decide(context(results))
    word = {"Approve": "approved", "Reject": "rejected"}[option]
    assert done[word] == 20
    found = rows(
        home,
        "select distinct status, decided_by, decided_at, reason from risk.strategy_action"
        " where strategy = 'freeze'",
    )
    assert found == [(word, "grace", dt.datetime(2024, 4, 3, 12, 0), "I know them")]


def operator() -> FreezeApproval:
    return FreezeApproval(task_id="approve", asked_by="respond", subject="Freeze")


def answered(option: str) -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"reason": " I know them "},
        "responded_at": NOON,
        "responded_by_user": {"id": "7", "name": "grace"},
    }


def test_without_freezes_nobody_is_asked() -> None:
    with pytest.raises(AirflowSkipException, match="No freeze waits"):
        operator().execute(context({"respond": {"freezes_waiting": 0}}))


def test_a_person_is_shown_how_many_and_the_evidence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMOVE_HOME", str(settings.places.root))
    monkeypatch.setattr(HITLOperator, "execute", lambda *_: None)
    asking = operator()
    keep_evidence(context(), "| a table |")
    asking.execute(context({"respond": {"freezes_waiting": 1234}}))
    assert asking.subject == "Freeze (1,234)"
    assert asking.body.startswith("| a table |")


def test_without_an_answer_in_time_the_freezes_wait_for_the_next_run() -> None:
    event = {"error": "no response", "error_type": "timeout"}
    with pytest.raises(AirflowSkipException, match="the next run asks again"):
        operator().execute_complete(context(), event)
