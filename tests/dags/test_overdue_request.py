"""What the form of `overdue_assessment` may ask for."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from comove.errors import SettingsError
from comove.overdue.request import Wish
from comove.settings import Settings
from comove_airflow.overdue_request import wish_for


def asked(settings: Settings, partition: str | None = None, **form: Any) -> Wish:
    run = SimpleNamespace(
        partition_key=partition,
        run_after=dt.datetime(2024, 8, 10, tzinfo=dt.UTC),
        triggering_user_name=None if partition else "ada",
    )
    return wish_for(settings, form, run)


def test_an_empty_form_asks_for_all_of_the_last_complete_month(
    settings: Settings,
) -> None:
    wish = asked(settings)
    assert (wish.month, wish.borrower) == (dt.date(2024, 7, 1), None)
    assert wish.as_of == dt.date(2024, 7, 31)


def test_a_run_that_follows_the_models_is_for_their_month(settings: Settings) -> None:
    wish = asked(settings, "2024-05")
    assert (wish.as_of, wish.asked_by) == (dt.date(2024, 5, 31), "comove")


def test_one_borrower_is_assessed_at_the_end_of_the_month(settings: Settings) -> None:
    wish = asked(settings, borrower=" B1 ", month="2024-02")
    assert (wish.borrower, wish.as_of) == ("B1", dt.date(2024, 2, 29))
    assert wish.asked_by == "ada"


def test_a_day_says_the_month_too(settings: Settings) -> None:
    wish = asked(settings, borrower="B1", on="2024-03-14")
    assert (wish.month, wish.as_of) == (dt.date(2024, 3, 1), dt.date(2024, 3, 14))


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"on": "2024-03-14"}, "no borrower"),
        ({"on": "14/03/2024", "borrower": "B1"}, "is no day"),
        ({"on": "2024-03-14", "month": "2024-04", "borrower": "B1"}, "says 2024-04 and"),
        ({"on": "2024-08-05", "borrower": "B1"}, "2024-08 is not over"),
        ({"month": "2024-08"}, "not over before 2024-08-31"),
        ({"month": "May"}, "is not a month"),
        ({"borrower": "a\nb"}, "no id of a borrower"),
        ({"borrower": "x" * 300}, "no id of a borrower"),
        ({"portfolio": "xente"}, "works for the portfolio"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_in_a_sentence(
    settings: Settings, form: dict[str, Any], why: str
) -> None:
    with pytest.raises(SettingsError, match=why):
        asked(settings, **form)
