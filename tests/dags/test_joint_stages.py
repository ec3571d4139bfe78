"""What the stages of the joint-risk DAG do besides calling the library."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from comove.audit import ensure_tables
from comove.connection import connect
from comove.joint_risk import fit_gate
from comove.joint_risk.tables import ensure_joint_tables
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings
from comove_airflow import joint_stages

MARCH = dt.date(2024, 3, 1)


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home that the environment names, as it does for tasks."""
    monkeypatch.setenv("COMOVE_HOME", str(settings.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", settings.portfolio)
    return settings


@pytest.fixture
def unpredicted(home: Settings) -> Settings:
    """A home whose risk models ran for March and predicted nobody."""
    with connect(home) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        connection.execute(
            "create table risk.residual (borrower_key varchar, month date)"
        )
        connection.execute(
            "insert into audit.risk_request values (?, ?, ?, ?, 7)", [MARCH] * 4
        )
    return home


def context(said: dict[str, Any] | None = None, **fields: Any) -> Any:
    """What Airflow hands to a task; `said` is what the task `fit` gave back."""
    run = SimpleNamespace(
        run_id="this run",
        dag_id="joint_risk",
        conf=fields,
        partition_key="2024-03",
        run_after=dt.datetime(2024, 4, 2, tzinfo=dt.UTC),
    )
    return {
        "dag_run": run,
        "dag": SimpleNamespace(params=["month", *fields]),
        "params": fields,
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: {"fit": said}[task_ids]),
    }


def unavailable(settings: Settings) -> dict[str, str]:
    with connect(settings) as connection:
        rows = connection.execute(
            "select purpose, reason from audit.unavailable_model"
        ).fetchall()
    return dict(rows)


def test_the_run_is_opened_for_its_month(home: Settings) -> None:
    counts = joint_stages.open_run(context(copula="student_t"))
    assert (counts["month"], counts["copula"]) == ("2024-03", "student_t")
    with connect(home) as connection:
        found = connection.execute("select dag_id, month from audit.run").fetchall()
    assert found == [("joint_risk", MARCH)]


def test_a_form_that_cannot_be_obeyed_opens_nothing(home: Settings) -> None:
    with pytest.raises(AirflowFailException, match="99 draws cannot be kept"):
        joint_stages.open_run(context(draws=99))
    assert not home.places.warehouse.exists()


def test_without_monthly_pds_the_stage_is_skipped_with_the_reason(
    unpredicted: Settings,
) -> None:
    with pytest.raises(AirflowSkipException, match="Not available for this portfolio"):
        joint_stages.build_cells(context())
    assert unavailable(unpredicted)["joint_risk"].startswith("There is no PD by month")


def test_before_the_risk_models_the_run_fails_and_says_what_to_run(
    home: Settings,
) -> None:
    with pytest.raises(AirflowFailException, match=r"`risk_model` for 2024-03"):
        joint_stages.build_cells(context())


def test_a_portfolio_too_small_to_fit_is_skipped_with_the_reason(home: Settings) -> None:
    reason = "12 events cannot tell two regions apart; 200 would."
    with pytest.raises(AirflowSkipException, match="200 would"):
        joint_stages.gate_fit(context({"why_not": reason}))
    assert unavailable(home) == {"joint_risk": reason}


def test_a_fit_of_a_later_try_takes_the_reason_back(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_gate, "gate_fits", lambda *_, **__: {"accepted": 1})
    with pytest.raises(AirflowSkipException):
        joint_stages.gate_fit(context({"why_not": "Too small."}))
    assert joint_stages.gate_fit(context({"fits": 1}))["accepted"] == 1
    assert unavailable(home) == {}


def test_a_refused_fit_is_not_tried_again(home: Settings) -> None:
    with connect(home) as connection:
        ensure_joint_tables(connection)
    with pytest.raises(AirflowFailException, match="Run the task `fit`"):
        joint_stages.gate_fit(context({"fits": 1}))
