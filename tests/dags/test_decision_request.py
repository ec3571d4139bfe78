"""What the form of the DAG `credit_decision` may ask for."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from comove.decision.request import Wish
from comove.errors import SettingsError
from comove.settings import Settings
from comove_airflow.decision_request import wish_for

SETTINGS = Settings(portfolio="contract")
JUNE = dt.date(2024, 6, 1)


def wished(partition: str | None = None, **form: Any) -> Wish:
    run = SimpleNamespace(
        partition_key=partition,
        run_after=dt.datetime(2024, 7, 2, tzinfo=dt.UTC),
        triggering_user_name="ada",
    )
    return wish_for(SETTINGS, form, run)


def test_an_empty_form_decides_all_up_to_the_last_complete_month() -> None:
    assert wished() == Wish(JUNE, None)
    assert wished(application="") == Wish(JUNE, None)


def test_a_month_of_risk_sets_it_off_for_that_month() -> None:
    assert wished("2024-05").month == dt.date(2024, 5, 1)


def test_one_application_may_be_named() -> None:
    assert wished(application="  A0000001 ").application == "A0000001"


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"application": "   "}, "it is empty"),
        ({"application": "A1\nA2"}, "holds line breaks"),
        ({"application": "A" * 201}, "too long"),
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
