"""What the form of the default response may ask for."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from comove.default_response.request import Wish
from comove.errors import SettingsError
from comove.settings import Settings
from comove_airflow.response_request import wish_for

SETTINGS = Settings(portfolio="contract")
MARCH = dt.date(2024, 3, 1)


def wished(partition: str | None = None, user: str | None = "ada", **form: Any) -> Wish:
    run = SimpleNamespace(
        partition_key=partition,
        run_after=dt.datetime(2024, 4, 2, tzinfo=dt.UTC),
        triggering_user_name=user,
    )
    return wish_for(SETTINGS, form, run)


def test_an_empty_form_takes_the_new_events_of_the_last_complete_month() -> None:
    wish = wished(borrower=None, month=None)
    assert wish == Wish(MARCH, is_month_given=False, borrower=None, given_by="comove")
    assert not wish.is_by_hand


def test_the_month_of_the_joint_risk_that_set_it_off_is_no_persons_wish() -> None:
    wish = wished(partition="2024-02", user=None)
    assert (wish.month, wish.is_by_hand) == (dt.date(2024, 2, 1), False)


def test_a_borrower_is_given_by_who_triggered_the_run() -> None:
    wish = wished(borrower=" B0000716 ")
    assert (wish.borrower, wish.given_by) == ("B0000716", "ada")
    assert wish.is_by_hand


def test_a_borrower_given_on_the_command_line_says_so() -> None:
    assert wished(borrower="B1", user=None).given_by == "command line"


def test_a_month_alone_is_a_wish_of_a_person() -> None:
    wish = wished(month="2024-02")
    assert (wish.month, wish.is_month_given) == (dt.date(2024, 2, 1), True)


def test_a_field_left_empty_is_no_wish() -> None:
    assert wished(borrower="", month="") == wished()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"borrower": "   "}, "this is no id of a borrower: it is empty"),
        ({"borrower": "B1\nB2"}, "holds line breaks"),
        ({"borrower": "B" * 300}, "too long"),
        ({"month": "March"}, "'March' is not a month"),
        ({"month": "2024-04"}, "2024-04 is not over before"),
        ({"portfolio": "xente"}, "works for the portfolio 'contract', not for 'xente'"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_in_a_sentence(
    form: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        wished(**form)
