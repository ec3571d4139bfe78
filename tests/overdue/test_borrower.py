"""One borrower is assessed on a day, or it is said in a sentence why not."""

import datetime as dt

import pytest
from tests.conftest import SettingsMaker
from tests.overdue.small_home import (
    ANN,
    BOB,
    CAT,
    JULY,
    JUNE,
    MAY,
    NOT_OVERDUE,
    hand_on,
    rows,
)

from comove.connection import connect
from comove.errors import ComoveError
from comove.overdue.assess import store_assessments
from comove.overdue.borrower import assess_borrower
from comove.overdue.request import OverdueError, Wish
from comove.settings import Settings


def test_one_row_is_written_with_its_day_and_who_asked(home: Settings) -> None:
    wish = Wish(JUNE, borrower=ANN, on=dt.date(2024, 6, 30), asked_by="ada")
    report = assess_borrower(home, run_id="one", wish=wish)
    assert (report.as_of, report.status) == (dt.date(2024, 6, 30), "not_available")
    assert rows(
        home,
        "select borrower_key, as_of, origin, asked_by, run_id "
        "from risk.overdue_assessment",
    ) == [(ANN, dt.date(2024, 6, 30), "request", "ada", "one")]


def test_asked_again_the_newest_is_in_force_and_the_one_before_is_kept(
    home: Settings,
) -> None:
    for run_id, who in (("one", "ada"), ("two", "bob")):
        assess_borrower(home, run_id=run_id, wish=Wish(JUNE, borrower=ANN, asked_by=who))
    assert rows(home, "select run_id from risk.overdue_assessment") == [("two",)]
    kept = "select run_id, replaced_by from risk.overdue_assessment_replaced"
    assert rows(home, kept) == [("one", "two")]


def test_the_decision_of_the_month_is_kept_when_somebody_asks_about_its_last_day(
    home: Settings,
) -> None:
    hand_on(home, "june", MAY, JUNE)
    store_assessments(home, run_id="june", wish=Wish(JUNE))
    of_ann = f"from risk.overdue_assessment where borrower_key = '{ANN}' and "
    taken = rows(home, of_ann + "as_of = '2024-06-30'")
    others = f"from risk.overdue_assessment where borrower_key <> '{ANN}' order by all"
    before = rows(home, others)
    assess_borrower(home, run_id="one", wish=Wish(JUNE, borrower=ANN, asked_by="ada"))
    kept = "select * exclude (replaced_at, replaced_by) "
    assert rows(home, kept + "from risk.overdue_assessment_replaced") == taken
    assert rows(home, "select origin " + of_ann + "as_of = '2024-06-30'") == [
        ("request",)
    ]
    assert rows(home, others) == before


def test_without_a_day_it_is_the_last_of_the_month(home: Settings) -> None:
    report = assess_borrower(home, run_id="one", wish=Wish(MAY, borrower=BOB))
    assert report.as_of == dt.date(2024, 5, 31)


def test_a_borrower_not_overdue_is_refused_and_the_last_time_is_named(
    home: Settings,
) -> None:
    wish = Wish(JULY, borrower=BOB, on=dt.date(2024, 7, 15))
    with pytest.raises(OverdueError, match=r"not overdue on 2024-07-15.*was 2024-06-30"):
        assess_borrower(home, run_id="one", wish=wish)


@pytest.mark.parametrize(("key", "month"), [(NOT_OVERDUE, JULY), (CAT, MAY)])
def test_a_borrower_never_overdue_before_is_refused(
    home: Settings, key: str, month: dt.date
) -> None:
    with pytest.raises(OverdueError, match="At no earlier month end was anything"):
        assess_borrower(home, run_id="one", wish=Wish(month, borrower=key))
    assert rows(home, "from risk.overdue_assessment") == []


def test_an_unknown_borrower_is_refused_without_repeating_the_id(home: Settings) -> None:
    with pytest.raises(ComoveError, match="there is no borrower with this id") as error:
        assess_borrower(home, run_id="one", wish=Wish(JUNE, borrower="x y z"))
    assert "x y z" not in str(error.value)


def test_a_day_that_nobody_knows_yet_is_refused(home: Settings) -> None:
    wish = Wish(dt.date(2024, 8, 1), borrower=ANN)
    with pytest.raises(OverdueError, match="2024-08-31 is later than 2024-07-31"):
        assess_borrower(home, run_id="one", wish=wish)


def test_before_any_month_was_assessed_it_says_what_to_run(home: Settings) -> None:
    with connect(home) as connection:
        connection.execute("drop view features.overdue_decision_request")
        connection.execute("drop view features.feat_overdue_request")
    with pytest.raises(OverdueError, match="Run the DAG `overdue_assessment`"):
        assess_borrower(home, run_id="one", wish=Wish(JUNE, borrower=ANN))


def test_a_portfolio_without_instalments_has_no_overdue_borrowers(
    make_settings: SettingsMaker,
) -> None:
    settings = make_settings(portfolio="sba_7a")
    with pytest.raises(OverdueError, match="not available for this portfolio"):
        assess_borrower(settings, run_id="one", wish=Wish(JUNE, borrower=ANN))
