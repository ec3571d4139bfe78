"""Which flags hold for a whole month, and how they come together to drifts."""

import datetime as dt

import pytest
from tests.recalibration.small_lender import DRIFT, MONTH, change

from comove.connection import connect
from comove.recalibration.drift import Flag, calling, drifts_of, read_flags
from comove.settings import Settings

BEFORE = dt.date(2022, 12, 1)


def flag(
    month: int, errors: float = 4.0, stage: str = "disbursed", label: str = "policy"
) -> Flag:
    return Flag(stage, label, dt.date(2023, month, 1), errors, "baseline", -0.1)


def flags(settings: Settings, month: dt.date = MONTH) -> list[Flag]:
    with connect(settings) as connection:
        return read_flags(connection, month, 0.05)


def test_months_in_a_row_are_one_drift() -> None:
    (found,) = drifts_of([flag(7, 9.0), flag(5), flag(6)], BEFORE)
    assert (found.first, found.last) == (dt.date(2023, 5, 1), dt.date(2023, 7, 1))
    assert found.flag.errors == 9.0
    assert len(found.cells) == 3


def test_stages_and_labels_drift_apart() -> None:
    """Outcomes of June are known when policy labels of December are."""
    of_outcomes = [flag(6, 9.0, label="performance"), flag(7, label="performance")]
    found = drifts_of([*of_outcomes, flag(12), flag(11, stage="credit_applied")], BEFORE)
    told = [(one.flag.stage, one.flag.label, one.last.month) for one in found]
    assert told == [
        ("disbursed", "performance", 7),
        ("credit_applied", "policy", 11),
        ("disbursed", "policy", 12),
    ]


def test_a_drift_lies_after_the_newest_that_had_ended_before_it() -> None:
    *_, found = drifts_of([flag(2), flag(3, stage="credit_applied"), flag(7)], BEFORE)
    assert found.after == dt.date(2023, 3, 1)


def test_the_first_drift_lies_after_the_beginning() -> None:
    (found,) = drifts_of([flag(7)], BEFORE)
    assert found.after == BEFORE
    assert drifts_of([], BEFORE) == []


def test_of_each_stage_and_label_the_newest_drift_calls_until_it_is_answered() -> None:
    flags = [flag(2), flag(7), flag(8), flag(4, label="performance")]
    known = drifts_of(flags, BEFORE)
    assert [one.last.month for one in calling(known, set(), None)] == [8, 4]
    # A version answers July; August is new.
    answered = {("disbursed", "policy", dt.date(2023, 7, 1))}
    assert [one.last.month for one in calling(known, answered, None)] == [8, 4]
    answered.add(("disbursed", "policy", dt.date(2023, 8, 1)))
    assert [one.last.month for one in calling(known, answered, None)] == [4]


def test_what_ended_before_the_loans_candidates_are_tried_on_calls_for_nothing() -> None:
    known = drifts_of([flag(8), flag(4, label="performance")], BEFORE)
    found = calling(known, set(), dt.date(2023, 5, 1))
    assert [one.last.month for one in found] == [8]


def test_flags_of_the_month_and_before_are_read(lender: Settings) -> None:
    found = flags(lender)
    assert {(one.stage, one.cohort_month) for one in found} == {
        ("credit_approved", month) for month in DRIFT
    }
    assert {one.reference for one in found} == {"baseline"}
    assert flags(lender, dt.date(2024, 3, 1)) == []


def test_the_change_is_in_standard_errors_of_the_end_towards_zero(
    lender: Settings,
) -> None:
    # From -0.30 to -0.26 are 1.96 standard errors.
    assert flags(lender)[0].errors == pytest.approx(0.30 / (0.04 / 1.959964), rel=1e-6)


def test_a_flag_that_chance_would_raise_in_most_months_does_not_hold(
    lender: Settings,
) -> None:
    # Beyond its own interval, 2.2 standard errors, but not beyond that of all cells.
    change(
        lender,
        """
        update risk.score_drift
        set is_drift = true, drift_change = -0.045, drift_change_low = -0.085,
            drift_change_high = -0.005
        where stage = 'disbursed' and cohort_month = '2024-01-01'
        """,
    )
    assert dt.date(2024, 1, 1) not in {one.cohort_month for one in flags(lender)}


def test_a_change_that_was_not_flagged_does_not_count(lender: Settings) -> None:
    change(lender, "update risk.score_drift set is_drift = false")
    assert flags(lender) == []
