"""What a person is shown, and what either answer does."""

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.decision.small_lender import JUNE, change, rows, run

from comove.connection import connect
from comove.decision.overrule import ADMITTED, REFUSED
from comove.decision.request import Wish
from comove.decision.review import Answer, ReviewReport, ask_about_reviews, record_answer
from comove.decision.scratch import DecisionError
from comove.settings import Settings

NOON = dt.datetime(2024, 7, 3, 12)
WAITING = "from risk.credit_decision where review_status = 'waiting'"
OF_MONTH = "from risk.credit_decision where origin = 'month' and needs_review"


def asked(lender: Settings, one: str | None = None, run_id: str = "r2") -> Answer:
    """Ask; gives an approval of what is shown."""
    with connect(lender) as connection:
        waiting = ask_about_reviews(connection, one, run_id=run_id)
    return Answer(True, "grace", NOON, "seen", waiting.waiting_id)


def rejected(lender: Settings, one: str | None = None, **given: Any) -> ReviewReport:
    """Ask and reject, in a run of its own."""
    run_id = f"rejects {one}"
    said = replace(asked(lender, one, run_id), is_approved=False, **given)
    return record_answer(lender, run_id=run_id, wish=Wish(JUNE, one), answer=said)


def refused(lender: Settings, condition: str = "limit_if_admitted > 0") -> str:
    found: str = rows(
        lender,
        "select min(application_key) from risk.credit_decision where refused_at = "
        f"'admission' and review_status = 'waiting' and {condition}",
    )[0][0]
    return found


def row_of(lender: Settings, key: str, columns: str) -> tuple[Any, ...]:
    query = f"select {columns} from risk.credit_decision where application_key = '{key}'"
    return rows(lender, query)[0]


# ---- what is shown ---------------------------------------------------------------------


def test_a_person_is_shown_counts_and_no_application(lender: Settings) -> None:
    with connect(lender) as connection:
        waiting = ask_about_reviews(connection, run_id="r2")
    assert waiting.reviews == rows(lender, f"select count(*) {WAITING}")[0][0] > 0
    assert "refused: admission" in waiting.evidence
    keys = [key for (key,) in rows(lender, f"select application_key {WAITING}")]
    assert not any(key in waiting.evidence for key in keys)


def test_of_one_application_a_person_is_shown_why_and_what_rejecting_does(
    lender: Settings,
) -> None:
    key = refused(lender)
    with connect(lender) as connection:
        shown = ask_about_reviews(connection, key, run_id="one").evidence
    probability, limit = row_of(lender, key, "admission_probability, limit_if_admitted")
    assert f"| Probability of repaying | {probability:.1%} by " in shown
    assert f"| Reject means | admitted with {limit:,.0f}; " in shown
    (reasons,) = row_of(lender, key, "reason_codes")
    assert all(f"- {reason}" in shown for reason in json.loads(reasons))
    assert key not in shown


# ---- answers ---------------------------------------------------------------------------


def test_approved_decisions_are_final_as_proposed(lender: Settings) -> None:
    waiting = rows(lender, f"select count(*) {WAITING}")
    wish, said = Wish(JUNE), asked(lender)
    report = record_answer(lender, run_id="r2", wish=wish, answer=said)
    assert [(report.confirmed,)] == waiting
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
    report = rejected(lender)
    assert (report.confirmed, report.overruled) == (0, 0)
    assert report.returned > 0
    assert rows(lender, f"select count(final_decision) {OF_MONTH}") == [(0,)]
    with connect(lender) as connection:
        assert ask_about_reviews(connection, run_id="r3").reviews == 0


def test_a_returned_one_is_asked_about_by_its_own_form(lender: Settings) -> None:
    rejected(lender)
    key = rows(lender, f"select min(application_key) {OF_MONTH}")[0][0]
    _, shown = run(lender, "one", application=key)
    assert shown.reviews_waiting == 1
    said = asked(lender, key, "one")
    report = record_answer(lender, run_id="one", wish=Wish(JUNE, key), answer=said)
    assert (report.confirmed, report.returned) == (1, 0)


def test_a_refusal_of_long_ago_can_be_contested_by_its_form(lender: Settings) -> None:
    key = rows(
        lender,
        "select min(application_key) from risk.credit_decision where refused_at = "
        "'admission' and review_status = 'historical'",
    )[0][0]
    said = asked(lender, key, "one")
    record_answer(lender, run_id="one", wish=Wish(JUNE, key), answer=said)
    columns = "review_status, final_decision, reviewed_by"
    assert row_of(lender, key, columns) == ("confirmed", "refuse", "grace")
    # Refused by a person now, and heard again.
    assert rejected(lender, key, decided_by="ada").overruled == 1
    assert row_of(lender, key, columns) == ("overruled", "admit", "ada")
    answers = rows(
        lender,
        "select answer, answered_by from risk.review_question "
        f"where application_key = '{key}' order by asked_at",
    )
    assert answers == [("confirmed", "grace"), ("overruled", "ada")]


# ---- two runs at a time ----------------------------------------------------------------


def test_the_first_answer_to_a_decision_stands(lender: Settings) -> None:
    of_month = asked(lender, run_id="month")
    key = refused(lender)
    assert rejected(lender, key, decided_by="ada").overruled == 1
    waiting = rows(lender, f"select count(*) {WAITING}")[0][0]
    report = record_answer(lender, run_id="month", wish=Wish(JUNE), answer=of_month)
    assert report.confirmed == waiting
    assert row_of(lender, key, "reviewed_by, final_decision") == ("ada", "admit")


def test_a_question_about_what_has_been_answered_is_told_so(lender: Settings) -> None:
    first, second = asked(lender, run_id="a"), asked(lender, run_id="b")
    record_answer(lender, run_id="a", wish=Wish(JUNE), answer=first)
    late = replace(second, decided_by="ada", is_approved=False)
    with pytest.raises(DecisionError, match="had been answered before"):
        record_answer(lender, run_id="b", wish=Wish(JUNE), answer=late)
    assert rows(lender, f"select distinct reviewed_by {OF_MONTH}") == [("grace",)]


def test_an_answer_holds_for_nothing_else_than_was_shown(lender: Settings) -> None:
    said = replace(asked(lender), waiting_id="another")
    with pytest.raises(DecisionError, match="not those that were shown"):
        record_answer(lender, run_id="r2", wish=Wish(JUNE), answer=said)
    assert rows(lender, f"select count(reviewed_by) {OF_MONTH}") == [(0,)]


# ---- turning a decision round ----------------------------------------------------------


def test_a_refusal_that_is_overruled_gets_its_limit_strategy_and_own_reason(
    lender: Settings,
) -> None:
    key = refused(lender)
    (limit,) = row_of(lender, key, "limit_if_admitted")
    assert rejected(lender, key).overruled == 1
    found = row_of(
        lender, key, "final_decision, credit_limit, strategy is not null, reason_codes"
    )
    assert found[:3] == ("admit", limit, True)
    assert json.loads(found[3])[-1] == ADMITTED


def test_the_strategy_is_that_of_the_policy_it_was_decided_by(lender: Settings) -> None:
    key = refused(lender)
    change(lender, "update risk.transaction_strategies set strategy = 'CHANGED SINCE'")
    rejected(lender, key)
    assert row_of(lender, key, "strategy")[0] in {"watched", "instant", "standard"}


def test_a_person_may_give_limit_and_strategy(lender: Settings) -> None:
    key = refused(lender, "requested_amount > 800")
    assert rejected(lender, key, limit=777.0, strategy="secured").overruled == 1
    columns = "credit_limit, limit_band, strategy, first_draw_share"
    assert row_of(lender, key, columns) == (770.0, "small", "secured", 0.3)


def test_no_more_than_was_asked_for_is_granted(lender: Settings) -> None:
    key = refused(lender)
    (requested,) = row_of(lender, key, "requested_amount")
    rejected(lender, key, limit=10 * requested)
    assert row_of(lender, key, "credit_limit") == (requested // 10 * 10,)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"limit": 0.0}, "0.0 is no limit"),
        ({"limit": -5.0}, "-5.0 is no limit"),
        ({"strategy": "hope"}, "no strategy 'hope'"),
    ],
)
def test_what_cannot_be_granted_is_not_recorded(
    lender: Settings, given: dict[str, Any], sentence: str
) -> None:
    key = refused(lender)
    with pytest.raises(DecisionError, match=sentence):
        rejected(lender, key, **given)
    assert row_of(lender, key, "review_status, reviewed_by") == ("waiting", None)


def test_without_a_limit_a_person_has_to_give_one(lender: Settings) -> None:
    key = refused(lender)
    change(
        lender,
        "update risk.credit_decision set limit_before_control = 0, "
        "limit_if_admitted = 0, score = null, "
        f"qualification = null where application_key = '{key}'",
    )
    with connect(lender) as connection:
        shown = ask_about_reviews(connection, key, run_id="asks").evidence
    assert "nothing without a limit you give; " in shown
    assert rejected(lender, key).returned == 1
    assert row_of(lender, key, "final_decision") == (None,)
    assert rejected(lender, key, limit=300.0, decided_at=NOON.replace(hour=13)).overruled
    # Nobody could score them: the strategy is that of the weakest.
    columns = "final_decision, credit_limit, strategy, first_draw_share"
    assert row_of(lender, key, columns) == ("admit", 300.0, "watched", 0.5)


@pytest.mark.parametrize(
    ("control", "factor", "granted"), [("reduce", 0.5, 0.5), ("reject", 0.0, None)]
)
def test_lending_control_cannot_be_overruled(
    lender: Settings, control: str, factor: float, granted: float | None
) -> None:
    key = refused(lender)
    change(
        lender,
        f"update risk.credit_decision set control_applied = '{control}', event_id = 'e', "
        f"control_id = 'c', limit_factor = {factor}, requested_amount = 1000, "
        f"limit_if_admitted = limit_before_control * {factor}, "
        "reason_codes = '[\"lending control after the default event e\"]' "
        f"where application_key = '{key}'",
    )
    report = rejected(lender, key, limit=5000.0)
    assert (report.overruled, report.returned) == ((1, 0) if granted else (0, 1))
    columns = "credit_limit, control_applied, event_id"
    assert row_of(lender, key, columns) == (1000 * (granted or 0), control, "e")


def test_an_admission_that_is_overruled_loses_limit_and_strategy_until_it_is_heard(
    lender: Settings,
) -> None:
    one = rows(
        lender,
        "select min(application_key) from risk.credit_decision "
        "where refused_at is null and origin = 'month'",
    )[0][0]
    change(
        lender,
        "update risk.credit_decision set needs_review = true, review_status = 'waiting', "
        f"final_decision = null where application_key = '{one}'",
    )
    before = row_of(lender, one, "credit_limit, strategy, first_draw_share, reason_codes")
    assert rejected(lender, one).overruled == 1
    columns = "final_decision, credit_limit, strategy, reason_codes"
    refusal = row_of(lender, one, columns)
    assert refusal[:3] == ("refuse", 0.0, None)
    assert json.loads(refusal[3])[-1] == REFUSED
    said = asked(lender, one, "again")
    record_answer(lender, run_id="again", wish=Wish(JUNE, one), answer=said)
    after = "credit_limit, strategy, first_draw_share, reason_codes"
    assert row_of(lender, one, after) == before


def test_reasons_are_lists_of_sentences(lender: Settings) -> None:
    for (text,) in rows(lender, "select distinct reason_codes from risk.credit_decision"):
        assert all(isinstance(one, str) and one for one in json.loads(text))
