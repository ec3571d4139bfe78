"""What a person's answer does to a proposed strategy, and how an old one comes back."""

import datetime as dt

import pytest
from tests.recalibration.small_lender import MONTH, change, rows

from comove.connection import connect
from comove.recalibration.approval import decide
from comove.recalibration.assess import AssessReport, assess
from comove.recalibration.request import Wish
from comove.recalibration.strategy import RecalibrationError
from comove.recalibration.versions import Answer, read_version, version_in_force
from comove.settings import Settings

NOON = dt.datetime(2024, 7, 3, 12, 0)


@pytest.fixture
def proposal(lender: Settings) -> AssessReport:
    return assess(lender, run_id="run", wish=Wish(MONTH))


def answer(report: AssessReport, *, is_approved: bool) -> Answer:
    assert report.version is not None
    assert report.content_hash is not None
    return Answer(
        report.version, report.content_hash, is_approved, "ada", NOON, "They are right"
    )


def statuses(settings: Settings) -> list[tuple[int, str]]:
    return rows(settings, "select version, status from risk.strategy_version order by 1")


def test_an_approved_version_comes_into_force_and_the_one_before_retires(
    lender: Settings, proposal: AssessReport
) -> None:
    done = decide(lender, run_id="run", answer=answer(proposal, is_approved=True))
    assert (done.version, done.is_approved, done.version_in_force) == (2, True, 2)
    assert statuses(lender) == [(1, "retired"), (2, "in force")]
    found = rows(
        lender,
        """
        select old.effective_to = new.effective_from, new.effective_to, new.decided_by,
            new.decided_at, new.reason, new.decided_in_run
        from risk.strategy_version as old, risk.strategy_version as new
        where old.version = 1 and new.version = 2
        """,
    )
    assert found == [(True, None, "ada", NOON, "They are right", "run")]
    assert rows(
        lender, "select distinct status from risk.recalibration where version = 2"
    ) == [("approved",)]


def test_a_rejected_version_is_recorded_and_changes_nothing(
    lender: Settings, proposal: AssessReport
) -> None:
    done = decide(lender, run_id="run", answer=answer(proposal, is_approved=False))
    assert (done.is_approved, done.version_in_force) == (False, 1)
    assert statuses(lender) == [(1, "in force"), (2, "rejected")]
    assert rows(
        lender, "select distinct status from risk.recalibration where version = 2"
    ) == [("rejected",)]


@pytest.mark.parametrize("is_approved", [True, False])
def test_an_answer_recorded_twice_is_recorded_once(
    lender: Settings, proposal: AssessReport, *, is_approved: bool
) -> None:
    first = decide(lender, run_id="run", answer=answer(proposal, is_approved=is_approved))
    before = rows(lender, "from risk.strategy_version order by version")
    again = decide(lender, run_id="run", answer=answer(proposal, is_approved=is_approved))
    assert again == first
    assert rows(lender, "from risk.strategy_version order by version") == before


def test_an_answer_holds_for_what_was_shown_and_nothing_else(
    lender: Settings, proposal: AssessReport
) -> None:
    change(lender, "update risk.score_histogram set n_bad = 0 where score = 570")
    assess(lender, run_id="again", wish=Wish(MONTH))
    with pytest.raises(RecalibrationError, match="version 2, which was shown"):
        decide(lender, run_id="run", answer=answer(proposal, is_approved=True))
    assert statuses(lender) == [(1, "in force"), (2, "withdrawn"), (3, "proposed")]


def test_a_rejected_version_is_brought_back_by_its_number(
    lender: Settings, proposal: AssessReport
) -> None:
    # The drift it answers is answered; asking again is for a person.
    decide(lender, run_id="run", answer=answer(proposal, is_approved=False))
    assert assess(lender, run_id="next", wish=Wish(MONTH)).version is None
    report = assess(lender, run_id="back", wish=Wish(MONTH, restore=2))
    assert (report.version, report.content_hash) == (3, proposal.content_hash)


@pytest.fixture
def changed(lender: Settings, proposal: AssessReport) -> Settings:
    """The lender with version 2 in force."""
    decide(lender, run_id="run", answer=answer(proposal, is_approved=True))
    return lender


def test_an_old_version_is_restored_as_a_new_one_once_approved(changed: Settings) -> None:
    report = assess(changed, run_id="back", wish=Wish(MONTH, restore=1, asked_by="bob"))
    assert report.version == 3
    assert "Version 1 is to be restored." in report.evidence
    with connect(changed) as connection:
        assert version_in_force(connection)[0] == 2
    decide(changed, run_id="back", answer=answer(report, is_approved=True))
    with connect(changed) as connection:
        number, strategy = version_in_force(connection)
        assert (number, strategy) == (3, read_version(connection, 1))
    found = rows(
        changed,
        "select origin, based_on, proposed_by from risk.strategy_version "
        "where version = 3",
    )
    assert found == [("restored", 2, "bob")]


def test_a_decision_told_again_later_is_what_was_decided_then(
    changed: Settings, proposal: AssessReport
) -> None:
    # Version 2 was approved in `run`, and has retired since.
    back = assess(changed, run_id="back", wish=Wish(MONTH, restore=1))
    decide(changed, run_id="back", answer=answer(back, is_approved=True))
    again = decide(changed, run_id="run", answer=answer(proposal, is_approved=True))
    assert (again.is_approved, again.version_in_force) == (True, 3)
    assert rows(
        changed, "select distinct status from risk.recalibration where version = 2"
    ) == [("approved",)]


def test_candidates_of_a_withdrawn_version_wait_for_nobody(
    lender: Settings, proposal: AssessReport
) -> None:
    # Another month's assessment, so that its rows stay.
    change(lender, "update risk.recalibration set month = '2024-05-01'")
    change(lender, "update risk.score_histogram set n_bad = 0 where score = 570")
    assess(lender, run_id="again", wish=Wish(MONTH))
    assert rows(
        lender, "select distinct status from risk.recalibration where version = 2"
    ) == [("withdrawn",)]


def test_a_version_to_be_restored_is_asked_about_until_somebody_answers(
    changed: Settings,
) -> None:
    first = assess(changed, run_id="back", wish=Wish(MONTH, restore=1, asked_by="bob"))
    # Nobody answers; then a month is assessed that has something to propose, and one
    # that has not.
    for run_id, statement in (
        ("next", "update risk.score_histogram set n_bad = 0 where score = 620"),
        ("third", "update risk.score_drift set is_drift = false"),
    ):
        change(changed, statement)
        again = assess(changed, run_id=run_id, wish=Wish(MONTH))
        assert (again.version, again.content_hash) == (3, first.content_hash)
        assert again.evidence == first.evidence
        assert again.proposals_waiting == 1
        assert statuses(changed)[-1] == (3, "proposed")
    decide(changed, run_id="third", answer=answer(again, is_approved=True))
    assert statuses(changed)[-1] == (3, "in force")


def test_restoring_assesses_nothing(changed: Settings) -> None:
    before = rows(changed, "from risk.recalibration order by candidate")
    assess(changed, run_id="back", wish=Wish(MONTH, restore=1))
    assert rows(changed, "from risk.recalibration order by candidate") == before


def test_what_is_in_force_cannot_be_restored(changed: Settings) -> None:
    with pytest.raises(RecalibrationError, match="what version 2 says is in force"):
        assess(changed, run_id="back", wish=Wish(MONTH, restore=2))


def test_a_version_there_is_not_is_refused_naming_those_there_are(
    changed: Settings,
) -> None:
    with pytest.raises(RecalibrationError, match=r"no version 7 .* Use one of 1, 2"):
        assess(changed, run_id="back", wish=Wish(MONTH, restore=7))


def test_bands_of_versions_are_never_changed_or_deleted(changed: Settings) -> None:
    before = rows(changed, "from risk.strategy_band where version <= 2 order by all")
    report = assess(changed, run_id="back", wish=Wish(MONTH, restore=1))
    decide(changed, run_id="back", answer=answer(report, is_approved=True))
    assess(changed, run_id="next", wish=Wish(MONTH))
    after = rows(changed, "from risk.strategy_band where version <= 2 order by all")
    assert after == before


def test_exactly_one_version_is_in_force_whatever_is_decided(changed: Settings) -> None:
    for step, (old, is_approved) in enumerate([(1, False), (1, True), (2, True)]):
        run_id = f"step {step}"
        report = assess(changed, run_id=run_id, wish=Wish(MONTH, restore=old))
        decide(changed, run_id=run_id, answer=answer(report, is_approved=is_approved))
        found = [status for _, status in statuses(changed)]
        assert found.count("in force") == 1
