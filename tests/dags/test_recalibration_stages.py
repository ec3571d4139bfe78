"""What the stages of the recalibration do besides calling the library, how it asks."""

import datetime as dt
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.recalibration.small_lender import change, open_lender, rows

from comove.settings import Settings
from comove_airflow import drift_stages, recalibration_stages
from comove_airflow.question import keep_evidence
from comove_airflow.recalibration_approval import RecalibrationApproval

NOON = dt.datetime(2024, 7, 3, 14, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))


@pytest.fixture(scope="module")
def lender_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("lender"))
    return open_lender(settings).places.warehouse


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


def context(results: dict[str, Any] | None = None, **form: Any) -> Any:
    """What Airflow hands to a task of a run for June."""
    run = SimpleNamespace(
        run_id="this run",
        dag_id="recalibration",
        conf=form,
        partition_key="2024-06",
        run_after=dt.datetime(2024, 7, 2, tzinfo=dt.UTC),
        triggering_user_name="ada",
    )
    found = results or {}
    return {
        "dag_run": run,
        "dag": SimpleNamespace(params=["month", "portfolio", "restore", "score"]),
        "params": form,
        "ti": SimpleNamespace(xcom_pull=lambda *, task_ids: found.get(task_ids)),
        "outlets": [],
    }


def operator() -> RecalibrationApproval:
    return RecalibrationApproval(task_id="approve", asked_by="assess", subject="Change")


def answered(option: str) -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"reason": " The committee agreed "},
        "responded_at": NOON,
        "responded_by_user": {"id": "7", "name": "grace"},
    }


def test_the_run_is_opened_for_its_month(home: Settings) -> None:
    said = recalibration_stages.open_run(context(restore=2))
    assert (said["month"], said["restore"]) == ("2024-06", "2")
    assert rows(home, "select dag_id, month from audit.run") == [
        ("recalibration", dt.date(2024, 6, 1))
    ]


def test_results_of_stages_are_figures_and_a_table_for_a_person(home: Settings) -> None:
    recalibration_stages.open_run(context())
    said = recalibration_stages.assess(context())
    assert (said["proposals_waiting"], said["version"]) == (1, 2)
    assert said["main_factor"] == "policy"
    assert "'a1'" not in str(said)


@pytest.mark.parametrize(
    ("option", "status", "in_force"),
    [("Approve", "in force", 2), ("Reject", "rejected", 1)],
)
def test_either_answer_is_recorded_with_who_and_when(
    home: Settings, option: str, status: str, in_force: int
) -> None:
    results = {"assess": recalibration_stages.assess(context())}
    results["approve"] = operator().execute_complete(context(), answered(option))
    done = recalibration_stages.decide(context(results))
    assert done["version_in_force"] == in_force
    found = rows(
        home,
        "select status, decided_by, decided_at, reason from risk.strategy_version "
        "where version = 2",
    )
    noon = dt.datetime(2024, 7, 3, 12, 0)
    assert found == [(status, "grace", noon, "The committee agreed")]


def test_an_answer_decided_twice_after_a_crash_is_decided_once(home: Settings) -> None:
    results = {"assess": recalibration_stages.assess(context())}
    results["approve"] = operator().execute_complete(context(), answered("Approve"))
    recalibration_stages.decide(context(results))
    before = rows(home, "from risk.strategy_version order by version")
    assert recalibration_stages.decide(context(results))["version_in_force"] == 2
    assert rows(home, "from risk.strategy_version order by version") == before


def test_an_old_version_is_restored_after_an_approval(home: Settings) -> None:
    results = {"assess": recalibration_stages.assess(context())}
    results["approve"] = operator().execute_complete(context(), answered("Approve"))
    recalibration_stages.decide(context(results))
    back = context(restore=1)
    back["dag_run"].run_id = "another run"
    results["assess"] = recalibration_stages.assess(back)
    again = context(results)
    again["dag_run"].run_id = "another run"
    assert recalibration_stages.decide(again)["version_in_force"] == 3


def test_without_a_proposal_nobody_is_asked() -> None:
    with pytest.raises(AirflowSkipException, match="No changed strategy waits"):
        operator().execute(context({"assess": {"proposals_waiting": 0}}))


@pytest.mark.usefixtures("home")
def test_a_person_is_shown_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HITLOperator, "execute", lambda *_: None)
    asking = operator()
    keep_evidence(context(), "| a table |")
    asking.execute(context({"assess": {"proposals_waiting": 1}}))
    assert asking.body.startswith("| a table |")


def test_without_an_answer_in_time_the_version_waits_for_the_next_run() -> None:
    event = {"error": "no response", "error_type": "timeout"}
    with pytest.raises(AirflowSkipException, match="the next run asks again"):
        operator().execute_complete(context(), event)


def test_before_the_score_drift_the_run_fails_and_says_what_to_run(
    home: Settings,
) -> None:
    change(home, "drop table risk.score_drift")
    with pytest.raises(AirflowFailException, match="Run the DAG `score_drift`"):
        recalibration_stages.assess(context())


def failed_gate(home: Settings, stage: str) -> None:
    change(
        home,
        f"""
        insert into audit.quality_result by name
        select 'earlier' as run_id, '{stage}' as stage, 'Sums add up' as check_name,
            'critical' as severity, false as success, now()::timestamp as checked_at
        """,
    )


def test_nothing_is_assessed_on_a_matrix_that_failed_its_gate(home: Settings) -> None:
    failed_gate(home, "score_drift")
    with pytest.raises(AirflowFailException, match="'score_drift' failed Sums add up"):
        recalibration_stages.assess(context())


def test_no_matrix_is_built_on_scores_that_failed_their_gate(home: Settings) -> None:
    failed_gate(home, "risk")
    with pytest.raises(AirflowFailException, match="run the DAG `risk_model` again"):
        drift_stages.build_drift(context())


def test_too_few_outcomes_are_no_failure_and_said(home: Settings) -> None:
    change(home, "update risk.score_histogram set n_bad = 0 where label = 'performance'")
    said = recalibration_stages.assess(context())
    assert said["candidates"] == 0
    ((purpose, reason),) = rows(
        home, "select purpose, reason from audit.unavailable_model"
    )
    assert purpose == "recalibration"
    assert "candidates need 30 of either" in reason


def decided(option: str) -> None:
    results = {"assess": recalibration_stages.assess(context())}
    results["approve"] = operator().execute_complete(context(), answered(option))
    recalibration_stages.decide(context(results))


def test_a_new_drift_is_told_and_one_that_was_decided_on_is_not(home: Settings) -> None:
    said = drift_stages.tell_drift(context())
    assert (said["stage"], said["first"]) == ("credit_approved", "2024-04-01")
    decided("Reject")
    with pytest.raises(AirflowSkipException, match="2024-04 to 2024-05, was assessed"):
        drift_stages.tell_drift(context())


def test_a_drift_whose_proposal_nobody_decided_on_is_told_again(home: Settings) -> None:
    recalibration_stages.assess(context())
    assert drift_stages.tell_drift(context())["stage"] == "credit_approved"


def test_a_drift_of_outcomes_is_told_beside_a_newer_one_that_was_decided_on(
    home: Settings,
) -> None:
    """A loan's outcome is known half a year after its policy label."""
    decided("Approve")
    change(
        home,
        """
        update risk.score_drift
        set is_drift = true, drift_change = -0.3, drift_change_low = -0.34,
            drift_change_high = -0.26
        where label = 'performance' and cohort_month = '2023-10-01'
        """,
    )
    said = drift_stages.tell_drift(context())
    assert (said["stage"], said["label"], said["last"]) == (
        "disbursed",
        "performance",
        "2023-10-01",
    )


def test_a_drift_that_goes_on_is_new_again(home: Settings) -> None:
    decided("Reject")
    change(
        home,
        """
        update risk.score_drift
        set is_drift = true, drift_change = -0.3, drift_change_low = -0.34,
            drift_change_high = -0.26
        where cohort_month = '2024-06-01' and stage = 'credit_approved'
        """,
    )
    assert drift_stages.tell_drift(context())["last"] == "2024-06-01"


def test_a_look_at_the_other_score_sets_nothing_off(home: Settings) -> None:
    change(home, "update risk.score_drift set score_kind = 'lender'")
    with pytest.raises(AirflowSkipException, match="is that of the score 'lender'"):
        drift_stages.tell_drift(context(score="lender"))


def test_without_a_drift_nothing_is_told(home: Settings) -> None:
    change(home, "update risk.score_drift set is_drift = false")
    with pytest.raises(AirflowSkipException, match="No flag of the score drift holds"):
        drift_stages.tell_drift(context())


def test_a_portfolio_without_a_score_succeeds_and_says_why(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from comove.score_drift import build

    told = {"unavailable": "not available for this portfolio: none of 3 has a score."}
    monkeypatch.setattr(build, "build_drift", lambda *_, **__: SimpleNamespace(**told))
    monkeypatch.setattr("comove_airflow.stage._counts", lambda _: {})
    drift_stages.build_drift(context())
    found = rows(home, "select purpose, reason from audit.unavailable_model")
    assert found == [("score_drift", "none of 3 has a score.")]
