"""Decisions of a month are kept; months run again, or in another order, stay the same."""

import datetime as dt

import pytest
from tests.overdue.small_home import ANN, BOB, CAT, JULY, JUNE, MAY, hand_on, rows

from comove.connection import connect
from comove.overdue.assess import AssessReport, store_assessments
from comove.overdue.borrower import assess_borrower
from comove.overdue.request import Wish
from comove.settings import Settings
from comove.warehouse.load import LoadError

# The columns that do not say which run wrote them.
DECISIONS = """
    select * exclude (origin, asked_by, run_id, assessed_at)
    from risk.overdue_assessment order by as_of, borrower_key
"""
REPLACED = """
    select * exclude (replaced_at, replaced_by)
    from risk.overdue_assessment_replaced order by as_of, borrower_key
"""
ORIGINS = """
    select distinct as_of, origin, run_id from risk.overdue_assessment order by as_of
"""


def assess(home: Settings, run_id: str, month: dt.date, **said: float) -> AssessReport:
    hand_on(home, run_id, *[one for one in (MAY, JUNE, JULY) if one <= month], **said)
    return store_assessments(home, run_id=run_id, wish=Wish(month))


def test_a_month_is_assessed_and_earlier_ones_are_filled_in(home: Settings) -> None:
    report = assess(home, "june", JUNE)
    assert report == AssessReport(days=2, assessed=4, insufficient_data=1)
    assert rows(home, ORIGINS) == [
        (dt.date(2024, 5, 31), "earlier_month", "june"),
        (dt.date(2024, 6, 30), "month", "june"),
    ]
    found = rows(
        home,
        "select borrower_key, status, rating from risk.overdue_assessment "
        "where as_of = '2024-06-30' order by borrower_key",
    )
    # Ann has 1200 for 600, Bob 900, of Cat's assets only a part is known.
    assert found == [
        (ANN, "assessed", "low"),
        (BOB, "assessed", "medium"),
        (CAT, "insufficient_data", None),
    ]


def test_running_a_month_again_changes_nothing(home: Settings) -> None:
    assess(home, "june", JUNE)
    before = rows(home, DECISIONS)
    assess(home, "june again", JUNE)
    assert rows(home, DECISIONS) == before
    assert rows(home, REPLACED) == []


def test_decisions_that_a_month_run_again_replaces_are_kept_as_they_were_taken(
    home: Settings,
) -> None:
    assess(home, "june", JUNE)
    of_june = "from risk.overdue_assessment where as_of = '2024-06-30' order by as_of, 1"
    taken = rows(home, of_june)
    assess(home, "june again", JUNE, p=0.1)
    assert rows(home, REPLACED) == taken
    assert rows(home, of_june) != taken
    found = "select distinct replaced_by from risk.overdue_assessment_replaced"
    assert rows(home, found) == [("june again",)]


def test_a_month_that_was_replaced_by_a_request_is_not_filled_in_again(
    home: Settings,
) -> None:
    assess(home, "may", MAY)
    for key in (ANN, BOB):
        assess_borrower(home, run_id=f"one {key}", wish=Wish(MAY, borrower=key))
    before = rows(home, "from risk.overdue_assessment order by borrower_key")
    assess(home, "june", JUNE)
    may = "from risk.overdue_assessment where as_of = '2024-05-31' order by borrower_key"
    assert rows(home, may) == before


def test_the_order_in_which_months_are_run_does_not_matter(home: Settings) -> None:
    assess(home, "july", JULY)
    before = rows(home, DECISIONS)
    assess(home, "may, late", MAY)
    assert rows(home, DECISIONS) == before


def test_a_decision_that_was_taken_is_not_taken_again_by_a_later_month(
    home: Settings,
) -> None:
    assess(home, "june", JUNE)
    assess(home, "july", JULY, p=0.1)
    found = rows(
        home,
        "select as_of, run_id, count(*) filter (status = 'not_target') "
        "from risk.overdue_assessment group by all order by as_of",
    )
    assert found == [
        (dt.date(2024, 5, 31), "june", 0),
        (dt.date(2024, 6, 30), "june", 0),
        (dt.date(2024, 7, 31), "july", 3),
    ]


def test_who_is_no_longer_overdue_by_later_files_is_no_longer_assessed_but_kept(
    home: Settings,
) -> None:
    assess(home, "june", JUNE)
    with connect(home) as connection:
        connection.execute(
            "delete from features.feat_overdue_case where borrower_key = ?", [BOB]
        )
    assess(home, "june again", JUNE)
    found = rows(
        home,
        "select borrower_key from risk.overdue_assessment where as_of = '2024-06-30'",
    )
    assert (BOB,) not in found
    assert len(found) == 2
    kept = "select run_id, rating from risk.overdue_assessment_replaced where {}"
    assert rows(home, kept.format(f"borrower_key = '{BOB}'")) == [("june", "medium")]


def test_without_a_model_nobody_is_rated_and_it_is_said_why(home: Settings) -> None:
    hand_on(home, "june")
    report = store_assessments(home, run_id="june", wish=Wish(JUNE))
    assert report.not_available == 5
    found = rows(
        home,
        "select distinct rating, type_probability, reason_codes "
        "from risk.overdue_assessment",
    )
    why = '["no model of the type was in force: too few outcomes were known"]'
    assert found == [(None, None, why)]


def test_a_probability_of_one_is_refused_before_anything_is_written(
    home: Settings,
) -> None:
    with pytest.raises(LoadError, match="not between 0 and 1"):
        assess(home, "june", JUNE, p=1.0)
    assert rows(home, "from risk.overdue_assessment") == []
