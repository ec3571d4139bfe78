"""What the forms of score drift and recalibration may ask for."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from comove.errors import SettingsError
from comove.recalibration.request import Wish
from comove.settings import Settings
from comove_airflow.drift_request import score_for
from comove_airflow.recalibration_request import wish_for

SETTINGS = Settings(portfolio="contract")
JUNE = dt.date(2024, 6, 1)


def wished(partition: str | None = None, user: str | None = "ada", **form: Any) -> Wish:
    run = SimpleNamespace(
        partition_key=partition,
        run_after=dt.datetime(2024, 7, 2, tzinfo=dt.UTC),
        triggering_user_name=user,
    )
    return wish_for(SETTINGS, form, run)


def test_an_empty_form_assesses_the_last_complete_month() -> None:
    assert wished() == Wish(JUNE, None, "ada")


def test_the_month_of_a_drift_that_set_it_off_is_no_persons_wish() -> None:
    assert wished("2024-05", None) == Wish(dt.date(2024, 5, 1), None, "comove")


def test_a_run_from_the_command_line_says_so() -> None:
    assert wished(user=None).asked_by == "command line"


def test_an_old_version_may_be_asked_for() -> None:
    assert wished(restore=3).restore == 3


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"restore": 0}, "0 is no version of the strategy"),
        ({"restore": "one"}, "'one' is no version"),
        ({"restore": True}, "True is no version"),
        ({"month": "June"}, "'June' is not a month"),
        ({"month": "2024-07"}, "2024-07 is not over before"),
        ({"portfolio": "xente"}, "works for the portfolio 'contract', not for 'xente'"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_in_a_sentence(
    form: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        wished(**form)


def test_whose_score_is_that_of_the_form_or_of_the_settings() -> None:
    assert score_for(SETTINGS, {}) == SETTINGS.drift_score
    assert score_for(SETTINGS, {"score": "lender"}) == "lender"


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"score": "bureau"}, "'bureau' is none of own, lender"),
        ({"portfolio": "xente"}, "not for 'xente'"),
    ],
)
def test_a_score_there_is_not_is_refused(form: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        score_for(SETTINGS, form)
