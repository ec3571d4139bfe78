"""What the stages of the risk models do besides calling the library."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from comove.audit import close_run, open_run
from comove.connection import connect
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings
from comove_airflow import risk_stages

MARCH = dt.date(2024, 3, 1)
BEFORE = "asset_triggered__before"


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home that the environment names, as it does for tasks."""
    monkeypatch.setenv("COMOVE_HOME", str(settings.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", settings.portfolio)
    return settings


def context(*sources: str, **fields: Any) -> Any:
    """What Airflow hands to a task, of a run that warehouse runs have caused."""
    events = [SimpleNamespace(source_run_id=source) for source in sources]
    run = SimpleNamespace(
        run_id="this run",
        dag_id="risk_model",
        conf=fields,
        partition_key="2024-03",
        run_after=dt.datetime(2024, 4, 2, tzinfo=dt.UTC),
        triggering_user_name="ada",
    )
    return {
        "dag_run": run,
        "dag": SimpleNamespace(params=["month", *fields]),
        "params": fields,
        "triggering_asset_events": {"comove://marts": events} if events else {},
    }


def trained_before(settings: Settings, status: str = "success") -> None:
    open_run(settings, run_id=BEFORE, dag_id="risk_model", month=MARCH)
    close_run(settings, BEFORE, status)


def runs(settings: Settings) -> list[str]:
    with connect(settings) as connection:
        found = connection.execute("select run_id from audit.run order by 1").fetchall()
    return [run_id for (run_id,) in found]


def test_the_first_build_of_a_month_trains(home: Settings) -> None:
    counts = risk_stages.open_run(context("scheduled__2024-04-01"))
    assert counts["month"] == "2024-03"
    assert runs(home) == ["this run"]


def test_a_later_build_of_the_same_month_skips_and_says_why(home: Settings) -> None:
    trained_before(home)
    with pytest.raises(AirflowSkipException, match=f"by the run {BEFORE}.*by hand"):
        risk_stages.open_run(context("scheduled__2024-04-02"))
    assert runs(home) == [BEFORE]


def test_a_month_whose_training_failed_is_trained(home: Settings) -> None:
    trained_before(home, "failed")
    risk_stages.open_run(context("scheduled__2024-04-02"))
    assert runs(home) == [BEFORE, "this run"]


def test_other_settings_train_again(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_before(home)
    monkeypatch.setenv("COMOVE_PD_REFIT_MONTHS", "3")
    risk_stages.open_run(context("scheduled__2024-04-02"))
    assert runs(home) == [BEFORE, "this run"]


@pytest.mark.parametrize("source", ["make_run__2024-03__1", "manual__2024-04-02"])
def test_a_build_that_a_person_asked_for_trains_again(
    home: Settings, source: str
) -> None:
    trained_before(home)
    risk_stages.open_run(context("scheduled__2024-04-02", source))
    assert runs(home) == [BEFORE, "this run"]


def test_triggering_by_hand_trains_again(home: Settings) -> None:
    trained_before(home)
    risk_stages.open_run(context())
    assert runs(home) == [BEFORE, "this run"]


def test_a_refusal_is_not_tried_again(home: Settings) -> None:
    with pytest.raises(AirflowFailException, match="works for the portfolio 'contract'"):
        risk_stages.open_run(context(portfolio="xente"))
    assert not home.places.warehouse.exists()


def promotions(settings: Settings) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        ensure_risk_tables(connection)
        return connection.execute(
            "from audit.model_promotion select purpose, algorithm, effective_from, "
            "decided_by, reason order by 1"
        ).fetchall()


def test_a_decision_is_noted_for_the_month_to_come(home: Settings) -> None:
    decided = context(promote="logit", promote_reason="explained in a sentence")
    for _ in range(2):
        risk_stages.open_run(decided)
    told = ("logit", dt.date(2024, 4, 1), "ada", "explained in a sentence")
    assert promotions(home) == [("application", *told), ("pd", *told)]


def test_a_decision_that_one_purpose_cannot_obey_is_noted_for_none(
    home: Settings,
) -> None:
    with connect(home) as connection:
        ensure_risk_tables(connection)
        connection.execute(
            """
            insert into audit.model_registry by name
            select 'v' as model_version, 'pd' as purpose, 'blend' as algorithm,
                'champion' as status, true as is_champion, '' as data_hash,
                '' as settings_hash, 7 as seed, '[]' as features,
                '{}' as library_versions, '{}' as metrics,
                date '2024-01-01' as first_month_predicted, 1 as rows_trained,
                1 as events_trained, '' as artifact_path, '' as run_id,
                timestamp '2024-01-01' as registered_at
            """
        )
    decided = context(promote="keep champion", promote_reason="we know it")
    with pytest.raises(AirflowFailException, match=r"no champion of .*'application'"):
        risk_stages.open_run(decided)
    assert promotions(home) == []


@pytest.mark.parametrize("field", ["train", "train_application"])
def test_a_purpose_nobody_asked_for_is_skipped(home: Settings, field: str) -> None:
    other = {"train": "application", "train_application": "pd"}[field]
    with pytest.raises(AirflowSkipException, match="did not ask for the purpose"):
        getattr(risk_stages, field)(context(purposes=[other]))


def test_a_run_that_skipped_leaves_the_warehouse_alone(home: Settings) -> None:
    given = context()
    states = {"this run": {"open_run": "skipped", "train": "skipped"}}
    given["ti"] = SimpleNamespace(get_task_states=lambda **_: states)
    assert risk_stages.close_run(given)["status"] == "skipped"
    assert not home.places.warehouse.exists()
