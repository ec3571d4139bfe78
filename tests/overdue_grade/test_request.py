"""What a run is asked to make: its rules, its days, and what may stay."""

import datetime as dt

import pytest
from tests.conftest import SettingsMaker

from comove.connection import connect
from comove.errors import SettingsError
from comove.overdue_grade.build import why_none
from comove.overdue_grade.request import (
    month_end,
    note_graded,
    rules_of,
    write_request,
)
from comove.settings import Settings

MARCH, APRIL = dt.date(2024, 3, 1), dt.date(2024, 4, 1)


@pytest.mark.parametrize(("months", "days"), [(1, 30), (3, 91), (12, 365), (24, 730)])
def test_the_window_is_counted_in_days(
    make_settings: SettingsMaker, months: int, days: int
) -> None:
    rules = rules_of(make_settings(overdue_grade_window_months=months))
    assert rules.window_days == days


def test_a_first_weight_outside_its_limits_is_refused(
    make_settings: SettingsMaker,
) -> None:
    wrong = make_settings(overdue_grade_first_weight=0.1)
    with pytest.raises(SettingsError, match=r"0\.1 does not lie between 0\.2 and 0\.8"):
        rules_of(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"overdue_grade_adjustment": 1.0},
        {"overdue_grade_min_weight": -0.1},
        {"overdue_grade_max_weight": 1.1},
        {"overdue_grade_window_months": 0},
    ],
)
def test_impossible_settings_are_refused(
    make_settings: SettingsMaker, wrong: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        make_settings(**wrong)


def test_a_month_ends_on_its_last_day() -> None:
    assert month_end(dt.date(2024, 2, 1)) == dt.date(2024, 2, 29)
    assert month_end(dt.date(2023, 12, 7)) == dt.date(2023, 12, 31)


def _graded(settings: Settings, month: dt.date) -> None:
    """A run that ends well."""
    request = write_request(settings, run_id="run", month=month)
    with connect(settings) as connection:
        connection.execute(
            """
            create table if not exists risk.overdue_grade (x integer);
            create table if not exists intermediate.int_overdue_borrower (
                borrower_key varchar, facts_hash bigint
            );
            """
        )
    note_graded(settings, request, run_id="run")


def test_the_first_run_makes_everything(settings: Settings) -> None:
    request = write_request(settings, run_id="run", month=MARCH)
    assert request.graded_until is None
    assert request.as_of == dt.date(2024, 3, 31)


def test_the_next_month_goes_on_from_the_last_day_graded(settings: Settings) -> None:
    _graded(settings, MARCH)
    request = write_request(settings, run_id="next", month=APRIL)
    assert request.graded_until == dt.date(2024, 3, 31)
    assert request.as_of == dt.date(2024, 4, 30)


def test_a_run_for_an_earlier_month_keeps_the_later_ones(settings: Settings) -> None:
    _graded(settings, APRIL)
    request = write_request(settings, run_id="earlier", month=MARCH)
    assert request.as_of == request.graded_until == dt.date(2024, 4, 30)


def test_a_run_that_did_not_end_well_counts_for_nothing(settings: Settings) -> None:
    _graded(settings, MARCH)
    write_request(settings, run_id="broken", month=APRIL)
    request = write_request(settings, run_id="again", month=APRIL)
    assert request.graded_until == dt.date(2024, 3, 31)


def test_other_rules_make_everything_anew(
    settings: Settings, make_settings: SettingsMaker
) -> None:
    _graded(settings, MARCH)
    changed = make_settings(overdue_grade_adjustment=0.3)
    request = write_request(changed, run_id="next", month=MARCH)
    assert request.graded_until is None


def test_without_the_table_nothing_may_stay(settings: Settings) -> None:
    _graded(settings, APRIL)
    with connect(settings) as connection:
        connection.execute("drop table risk.overdue_grade")
    request = write_request(settings, run_id="next", month=MARCH)
    assert request.graded_until is None
    assert request.as_of == dt.date(2024, 3, 31)


def test_a_portfolio_without_instalments_says_so(make_settings: SettingsMaker) -> None:
    told = why_none(make_settings(portfolio="sba_7a"), dt.date(2014, 7, 31))
    assert told.startswith("not available for this portfolio: without instalments")
    assert "The file holds how each loan ended" in told
