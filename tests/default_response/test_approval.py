"""What a person is shown of freezes, and what either answer does."""

import datetime as dt
import re

import pytest
from tests.default_response.conftest import Respond
from tests.default_response.small_bank import change, links, rows

from comove.default_response.approval import Answer, decide
from comove.default_response.scratch import ResponseError
from comove.settings import Settings

NOON = dt.datetime(2024, 4, 3, 12, 0)


def answer(waiting_id: str, *, is_approved: bool, reason: str | None = None) -> Answer:
    return Answer(is_approved, "ada", NOON, reason, waiting_id)


def freezes(settings: Settings) -> list[tuple[object, ...]]:
    return rows(
        settings,
        """
        select distinct status, decided_by, decided_at, reason, decided_in_run
        from risk.strategy_action where strategy = 'freeze'
        """,
    )


def test_the_evidence_sums_up_what_is_to_be_frozen(
    bank: Settings, response: Respond
) -> None:
    report = response()
    heading, _, line = report.evidence.splitlines()
    assert heading.startswith("| Defaults of | events | borrowers to freeze | exposure")
    # Four events, each with five debtors in its cell, of 1,000 each.
    assert line == "| 2024-03 | 4 | 20 | 20,000 | 5.0 to 5.0 | 12.5% |"


def test_a_debtor_of_two_events_counts_its_exposure_once(
    bank: Settings, response: Respond
) -> None:
    report = response(links(lambda *_: 5.0))
    assert report.freezes_waiting == 80
    assert "| 4 | 20 | 20,000 |" in report.evidence


def test_the_evidence_names_nobody(bank: Settings, response: Respond) -> None:
    report = response()
    assert not re.search("standing|fallen|north|retail", report.evidence)


def test_approved_freezes_are_recorded_and_refuse_applications(
    bank: Settings, response: Respond
) -> None:
    report = response()
    done = decide(bank, run_id="run", answer=answer(report.waiting_id, is_approved=True))
    assert (done.approved, done.rejected, done.rules) == (20, 0, 4)
    assert freezes(bank) == [("approved", "ada", NOON, None, "run")]
    assert rows(
        bank,
        "select distinct strategy, limit_factor from risk.lending_control "
        "where caused_by = 'freeze'",
    ) == [("reject", 0.0)]


@pytest.mark.parametrize(
    ("decided_on", "valid_from", "valid_to"),
    [
        # Before the month to come: from its first day.
        (dt.date(2024, 3, 28), dt.date(2024, 4, 1), dt.date(2024, 6, 30)),
        (dt.date(2024, 4, 3), dt.date(2024, 4, 3), dt.date(2024, 7, 2)),
        # Long after it was proposed: neither backdated nor over when it begins.
        (dt.date(2024, 8, 3), dt.date(2024, 8, 3), dt.date(2024, 11, 2)),
    ],
)
def test_applications_are_refused_from_the_day_of_the_decision(
    bank: Settings,
    response: Respond,
    decided_on: dt.date,
    valid_from: dt.date,
    valid_to: dt.date,
) -> None:
    report = response()
    moment = dt.datetime.combine(decided_on, NOON.time())
    said = Answer(True, "ada", moment, None, report.waiting_id)
    decide(bank, run_id="run", answer=said)
    found = rows(
        bank,
        "select distinct valid_from, valid_to from risk.lending_control "
        "where caused_by = 'freeze'",
    )
    assert found == [(valid_from, valid_to)]
    # The date is the recorded answer's: deciding once more moves nothing.
    decide(bank, run_id="run", answer=said)
    assert len(rows(bank, "from risk.lending_control where caused_by = 'freeze'")) == 4


@pytest.mark.parametrize(
    "changed",
    [
        "set index_from = 6 where strategy = 'freeze'",
        "set limit_factor = 0.9, valid_months = 12, scope = 'region', min_share = 0.99 "
        "where strategy = 'freeze'",
    ],
)
def test_what_is_approved_is_what_was_proposed_whatever_the_seed_says_now(
    bank: Settings, response: Respond, changed: str
) -> None:
    response()
    change(bank, f"update risk.risk_strategies {changed}")
    report = response(run_id="next")
    done = decide(bank, run_id="next", answer=answer(report.waiting_id, is_approved=True))
    assert (done.approved, done.rules) == (20, 4)
    found = rows(
        bank,
        """
        select distinct strategy, limit_factor, region is null, industry is null,
            datediff('month', valid_from, valid_to + 1)
        from risk.lending_control where caused_by = 'freeze'
        """,
    )
    assert found == [("reject", 0.0, False, False, 3)]


def test_rejected_freezes_do_nothing_and_are_recorded(
    bank: Settings, response: Respond
) -> None:
    report = response()
    rules = rows(bank, "select count(*) from risk.lending_control")
    said = answer(report.waiting_id, is_approved=False, reason="a flood, not a ring")
    done = decide(bank, run_id="run", answer=said)
    assert (done.approved, done.rejected, done.rules) == (0, 20, 0)
    assert freezes(bank) == [("rejected", "ada", NOON, "a flood, not a ring", "run")]
    assert rows(bank, "select count(*) from risk.lending_control") == rules


def test_a_rejected_freeze_is_no_debtors_strongest_action_any_more(
    bank: Settings, response: Respond
) -> None:
    report = response()
    decide(bank, run_id="run", answer=answer(report.waiting_id, is_approved=False))
    found = rows(
        bank, "select distinct strategy from risk.strategy_action where is_strongest"
    )
    assert found == [("collection",)]


def test_an_answer_touches_no_action_by_rule(bank: Settings, response: Respond) -> None:
    report = response()
    decide(bank, run_id="run", answer=answer(report.waiting_id, is_approved=False))
    found = rows(
        bank,
        "select distinct status, decided_by from risk.strategy_action "
        "where strategy <> 'freeze'",
    )
    assert found == [("done", "rule")]


def test_an_answer_for_other_freezes_than_those_that_wait_decides_nothing(
    bank: Settings, response: Respond
) -> None:
    report = response()
    change(bank, "delete from risk.strategy_action where borrower_key = 'standing0'")
    with pytest.raises(ResponseError, match=r"not those that were shown.*asks anew"):
        decide(bank, run_id="run", answer=answer(report.waiting_id, is_approved=True))
    assert {status for status, *_ in freezes(bank)} == {"proposed"}


def test_deciding_a_second_time_in_a_run_changes_nothing(
    bank: Settings, response: Respond
) -> None:
    report = response()
    said = answer(report.waiting_id, is_approved=True)
    decide(bank, run_id="run", answer=said)
    before = rows(bank, "from risk.strategy_action order by all")
    # As when the task was killed after its commit and is tried again.
    again = decide(bank, run_id="run", answer=said)
    assert (again.approved, again.rules) == (20, 0)
    assert rows(bank, "from risk.strategy_action order by all") == before


AFTERNOON = NOON + dt.timedelta(hours=4)


@pytest.mark.parametrize("first", [True, False])
def test_a_second_answer_in_a_run_holds_for_what_it_was_shown(
    bank: Settings, response: Respond, first: bool
) -> None:
    report = response()
    decide(bank, run_id="run", answer=answer(report.waiting_id, is_approved=first))
    # The run is cleared after an event that arrived late, and asks again.
    change(
        bank,
        "update marts.fct_borrower_month set is_event = true "
        "where borrower_key = 'standing0' and month = '2024-02-01'",
    )
    again = response()
    assert again.freezes_waiting == 4
    said = Answer(not first, "ada", AFTERNOON, None, again.waiting_id)
    done = decide(bank, run_id="run", answer=said)
    assert (done.approved, done.rejected) == ((0, 4) if first else (4, 0))
    found = rows(
        bank,
        "select status, decided_at, count(*) from risk.strategy_action "
        "where strategy = 'freeze' group by all order by decided_at",
    )
    words = ("approved", "rejected") if first else ("rejected", "approved")
    assert found == [(words[0], NOON, 20), (words[1], AFTERNOON, 4)]


def test_another_answer_to_what_is_decided_is_refused(
    bank: Settings, response: Respond
) -> None:
    report = response()
    decide(bank, run_id="run", answer=answer(report.waiting_id, is_approved=True))
    said = Answer(False, "bob", AFTERNOON, None, report.waiting_id)
    with pytest.raises(ResponseError, match="had been decided before"):
        decide(bank, run_id="run", answer=said)
    assert {status for status, *_ in freezes(bank)} == {"approved"}


def test_of_two_open_questions_the_first_answer_to_a_freeze_stands(
    bank: Settings, response: Respond
) -> None:
    first = response()
    second = response(links(lambda *_: 6.0), run_id="by hand", borrower="standing0")
    assert second.freezes_waiting == first.freezes_waiting + 19
    decide(bank, run_id="run", answer=answer(first.waiting_id, is_approved=False))
    said = answer(second.waiting_id, is_approved=True)
    done = decide(bank, run_id="by hand", answer=said)
    assert (done.approved, done.rejected) == (19, 0)


def test_a_freeze_that_was_rejected_is_not_proposed_again(
    bank: Settings, response: Respond
) -> None:
    report = response()
    decide(bank, run_id="run", answer=answer(report.waiting_id, is_approved=False))
    assert response(run_id="next").freezes_waiting == 0
    assert {status for status, *_ in freezes(bank)} == {"rejected"}


def test_freezes_nobody_decided_on_wait_for_the_next_run(
    bank: Settings, response: Respond
) -> None:
    response()
    report = response(links(lambda *_: 6.0), run_id="next", borrower="standing0")
    assert report.freezes_waiting == 20 + 19
    assert [line.split("|")[1].strip() for line in report.evidence.splitlines()[2:]] == [
        "2024-03",
        "2024-04",
    ]
    said = answer(report.waiting_id, is_approved=True)
    assert decide(bank, run_id="next", answer=said).approved == 39
