"""Stages of `identity_review`: a person's word on two ids."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from tests.decision.test_identity import NEW, OLD, SAID_SAME, find, state

from comove.settings import Settings
from comove_airflow import identity_stages


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with a pair that waits, which the environment names as for tasks."""
    monkeypatch.setenv("COMOVE_HOME", str(settings.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", settings.portfolio)
    find(settings, 0.7)
    return settings


def context(**form: Any) -> Any:
    """What Airflow hands to a task of a run that a person triggered."""
    run = SimpleNamespace(
        run_id="by hand",
        dag_id="identity_review",
        conf=form,
        partition_key=None,
        run_after=dt.datetime(2024, 7, 2, tzinfo=dt.UTC),
        triggering_user_name="ada",
    )
    names = ["borrower", "other", "verdict", "reason", "portfolio"]
    return {"dag_run": run, "dag": SimpleNamespace(params=names), "params": form}


def test_the_form_settles_the_pair(home: Settings) -> None:
    form = context(
        borrower=OLD, other=NEW, verdict="one person", reason=" saw the passport "
    )
    told = [identity_stages.open_run(form), identity_stages.settle(form)]
    assert (told[1]["before"], told[1]["after"]) == ("waiting", "same")
    assert state(home) == SAID_SAME
    assert NEW not in str(told)


def test_half_a_pair_is_refused_before_anything_runs(home: Settings) -> None:
    with pytest.raises(AirflowFailException, match="one is missing"):
        identity_stages.open_run(context(borrower=OLD, verdict="two persons"))
