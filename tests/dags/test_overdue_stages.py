"""Stages of `overdue_assessment`: for a month, and for one borrower."""

import datetime as dt
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from tests.overdue.small_home import (
    ANN,
    JUNE,
    MAY,
    NOT_OVERDUE,
    hand_on,
    open_home,
    rows,
)

from comove.connection import connect
from comove.settings import Settings
from comove_airflow import overdue_stages


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("small"))
    return open_home(settings).places.warehouse


@pytest.fixture
def home(
    settings: Settings, small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A small home that the environment names, as it does for tasks."""
    monkeypatch.setenv("COMOVE_HOME", str(settings.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", settings.portfolio)
    settings.places.make()
    shutil.copyfile(small_file, settings.places.warehouse)
    return settings


def context(results: dict[str, Any] | None = None, **form: Any) -> Any:
    """What Airflow hands to a task of a run for June."""
    run = SimpleNamespace(
        run_id="this run",
        dag_id="overdue_assessment",
        conf=form,
        partition_key=None if form else "2024-06",
        run_after=dt.datetime(2024, 7, 2, tzinfo=dt.UTC),
        triggering_user_name="ada" if form else None,
    )
    found = results or {}
    return {
        "dag_run": run,
        "dag": SimpleNamespace(params=["borrower", "month", "on", "portfolio"]),
        "params": form,
        "ti": SimpleNamespace(xcom_pull=lambda *, task_ids: found.get(task_ids)),
        "outlets": [],
    }


def test_the_run_is_opened_for_its_month(home: Settings) -> None:
    said = overdue_stages.open_run(context())
    assert (said["as_of"], said["borrowers"]) == ("2024-06-30", "all")
    assert rows(home, "select dag_id, month from audit.run") == [
        ("overdue_assessment", JUNE)
    ]


def test_no_id_of_a_borrower_stands_in_what_a_stage_gives_back(home: Settings) -> None:
    form = context(borrower=ANN)
    told = [overdue_stages.open_run(form), overdue_stages.assess(form)]
    assert ANN not in str(told)
    assert told[1]["as_of"] == "2024-06-30"


def test_a_month_is_assessed_in_counts(home: Settings) -> None:
    hand_on(home, "this run", MAY, JUNE)
    said = overdue_stages.assess(context())
    assert (said["days"], said["assessed"], said["insufficient_data"]) == (2, 4, 1)


def test_why_no_model_is_available_is_recorded(home: Settings) -> None:
    hand_on(home, "this run")
    overdue_stages.assess(context({"train": {"unavailable": "3 are known."}}))
    found = rows(home, "select purpose, reason from audit.unavailable_model")
    assert found == [("overdue", "3 are known.")]


@pytest.mark.parametrize(
    "name", ["build_cases", "build_grades", "report", "report_grades"]
)
def test_one_borrower_needs_neither_models_nor_pages(home: Settings, name: str) -> None:
    with pytest.raises(AirflowSkipException, match="One borrower is asked for"):
        getattr(overdue_stages, name)(context(borrower=ANN))


@pytest.mark.slow
def test_what_the_gate_has_stopped_is_not_published_by_asking_about_one_borrower(
    home: Settings,
) -> None:
    """Great Expectations takes seconds to import."""
    hand_on(home, "this run", MAY, JUNE)
    overdue_stages.assess(context())
    with connect(home) as connection:
        connection.execute(
            "update risk.overdue_assessment set rating = 'low' where rating = 'medium'"
        )
    overdue_stages.assess(context(borrower=ANN))
    with pytest.raises(AirflowFailException, match="Every rating follows from its"):
        overdue_stages.gate_overdue(context(borrower=ANN))


@pytest.mark.parametrize(
    ("borrower", "why"),
    [("nobody", "there is no borrower"), (NOT_OVERDUE, "was not overdue on 2024-06-30")],
)
def test_who_cannot_be_assessed_fails_the_task_at_once(
    home: Settings, borrower: str, why: str
) -> None:
    with pytest.raises(AirflowFailException, match=why):
        overdue_stages.assess(context(borrower=borrower))


def test_marts_that_failed_their_gate_are_not_built_upon(home: Settings) -> None:
    with connect(home) as connection:
        connection.execute(
            """
            insert into audit.quality_result by name
            select 'earlier' as run_id, 'marts' as stage, 'Sums add up' as check_name,
                'critical' as severity, false as success, now()::timestamp as checked_at
            """
        )
    with pytest.raises(AirflowFailException, match="'marts' failed Sums add up"):
        overdue_stages.build_cases(context())
