"""What a person is shown, and what either answer does."""

import datetime as dt
import json
from dataclasses import replace

import pytest
from tests.decision.small_lender import JUNE, change, rows, run

from comove.connection import connect
from comove.decision.request import Wish
from comove.decision.review import Answer, record_answer, waiting_reviews
from comove.decision.scratch import DecisionError
from comove.settings import Settings

NOON = dt.datetime(2024, 7, 3, 12)
OF_MONTH = "from risk.credit_decision where origin = 'month' and needs_review"


def answer(lender: Settings, is_approved: bool, one: str | None = None) -> Answer:
    with connect(lender) as connection:
        waiting = waiting_reviews(connection, one)
    return Answer(is_approved, "grace", NOON, "seen", waiting.waiting_id)


def refused(lender: Settings, has_limit: bool) -> str:
    found: str = rows(
        lender,
        "select min(application_key) from risk.credit_decision where refused_at = "
        f"'admission' and review_status = 'waiting' "
        f"and (limit_if_admitted > 0) = {has_limit}",
    )[0][0]
    return found


def test_a_person_is_shown_counts_and_no_application(lender: Settings) -> None:
    with connect(lender) as connection:
        waiting = waiting_reviews(connection)
    assert waiting.reviews == rows(lender, f"select count(*) {OF_MONTH}")[0][0] > 0
    assert "refused: admission" in waiting.evidence
    keys = [key for (key,) in rows(lender, f"select application_key {OF_MONTH}")]
    assert not any(key in waiting.evidence for key in keys)


def test_approved_decisions_are_final_as_proposed(lender: Settings) -> None:
    wish, said = Wish(JUNE), answer(lender, True)
    report = record_answer(lender, run_id="r2", wish=wish, answer=said)
    assert report.confirmed == rows(lender, f"select count(*) {OF_MONTH}")[0][0]
    found = rows(
        lender,
        "select distinct review_status, reviewed_by, reviewed_at, review_reason, "
        f"final_decision = proposed_decision {OF_MONTH}",
    )
    assert found == [("confirmed", "grace", NOON, "seen", True)]
    again = record_answer(lender, run_id="r2", wish=wish, answer=said)
    assert again == report


def test_rejected_in_bulk_they_are_returned_and_asked_about_no_more(
    lender: Settings,
) -> None:
    said = answer(lender, False)
    report = record_answer(lender, run_id="r2", wish=Wish(JUNE), answer=said)
    assert (report.confirmed, report.overruled) == (0, 0)
    assert report.returned > 0
    assert rows(lender, f"select count(final_decision) {OF_MONTH}") == [(0,)]
    with connect(lender) as connection:
        assert waiting_reviews(connection).reviews == 0


def test_a_returned_one_is_asked_about_by_its_own_form(lender: Settings) -> None:
    record_answer(lender, run_id="r2", wish=Wish(JUNE), answer=answer(lender, False))
    key = rows(lender, f"select min(application_key) {OF_MONTH}")[0][0]
    _, shown = run(lender, "one", application=key)
    assert shown.reviews_waiting == 1
    said = answer(lender, True, key)
    report = record_answer(lender, run_id="one", wish=Wish(JUNE, key), answer=said)
    assert (report.confirmed, report.returned) == (1, 0)


def test_a_refusal_that_is_overruled_gets_its_limit_and_strategy(
    lender: Settings,
) -> None:
    key = refused(lender, has_limit=True)
    said = answer(lender, False, key)
    report = record_answer(lender, run_id="one", wish=Wish(JUNE, key), answer=said)
    assert report.overruled == 1
    found = rows(
        lender,
        "select final_decision, credit_limit = limit_if_admitted, credit_limit > 0, "
        f"strategy is not null from risk.credit_decision where application_key = '{key}'",
    )
    assert found == [("admit", True, True, True)]


def test_lending_control_cannot_be_overruled(lender: Settings) -> None:
    key = refused(lender, has_limit=True)
    change(
        lender,
        "update risk.credit_decision set limit_if_admitted = 0 "
        f"where application_key = '{key}'",
    )
    said = answer(lender, False, key)
    report = record_answer(lender, run_id="one", wish=Wish(JUNE, key), answer=said)
    assert (report.overruled, report.returned) == (0, 1)


def test_an_answer_holds_for_nothing_else_than_was_shown(lender: Settings) -> None:
    said = replace(answer(lender, True), waiting_id="another")
    with pytest.raises(DecisionError, match="not those that were shown"):
        record_answer(lender, run_id="r2", wish=Wish(JUNE), answer=said)
    assert rows(lender, f"select count(reviewed_by) {OF_MONTH}") == [(0,)]


def test_reasons_are_lists_of_sentences(lender: Settings) -> None:
    for (text,) in rows(lender, "select distinct reason_codes from risk.credit_decision"):
        assert all(isinstance(one, str) and one for one in json.loads(text))
