"""Walk-forward folds: calendar months, the same for every run."""

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.risk_model.folds import month_of, number, plan_folds
from comove.settings import Settings

START = dt.date(2020, 1, 1)
SETTINGS = Settings(
    pd_train_window_months=24,
    pd_min_train_months=12,
    pd_gap_months=1,
    pd_refit_months=6,
    pd_validation_months=6,
    pd_search_every_months=12,
)
months = st.integers(0, 120).map(lambda n: month_of(number(START) + n))


def plan(month: dt.date, **changed: int) -> list:
    settings = SETTINGS.model_copy(update=changed)
    return plan_folds(settings, first_data_month=START, month=month)


def test_the_first_fold_waits_for_the_least_history_and_its_gap() -> None:
    # 12 months of history end in 2020-12, the gap is 2021-01: the next half-year is July.
    first = plan(dt.date(2022, 1, 1))[0]
    assert (first.train_from, first.train_to) == (START, dt.date(2021, 5, 1))
    assert first.first_month == dt.date(2021, 7, 1)
    assert first.last_month == dt.date(2021, 12, 1)


def test_a_history_too_short_has_no_fold() -> None:
    assert plan(dt.date(2021, 1, 1)) == []


def test_the_month_to_come_has_a_fold_too() -> None:
    assert plan(dt.date(2021, 12, 1))[-1].first_month == dt.date(2022, 1, 1)


def test_the_window_is_no_longer_than_asked_for() -> None:
    last = plan(dt.date(2024, 12, 1))[-1]
    assert number(last.train_to) - number(last.train_from) == 23


def test_a_first_month_wanted_is_where_the_folds_begin() -> None:
    folds = plan_folds(
        SETTINGS,
        first_data_month=START,
        month=dt.date(2024, 1, 1),
        first_month=dt.date(2023, 2, 1),
    )
    assert folds[0].first_month == dt.date(2023, 7, 1)
    assert folds[0].searches


@given(months, months)
def test_a_later_run_plans_the_folds_of_an_earlier_one_the_same(
    one: dt.date, other: dt.date
) -> None:
    early, late = plan(min(one, other)), plan(max(one, other))
    assert late[: len(early)] == early


@given(months, st.integers(0, 3), st.integers(1, 12))
def test_no_fold_learns_from_a_month_it_predicts_nor_from_its_gap(
    month: dt.date, gap: int, refit: int
) -> None:
    for fold in plan(month, pd_gap_months=gap, pd_refit_months=refit):
        assert number(fold.first_month) - number(fold.train_to) == gap + 1
        assert fold.train_from < fold.valid_from <= fold.train_to
        assert number(fold.train_to) - number(fold.train_from) >= 11


@given(months)
def test_folds_follow_one_another_without_a_hole(month: dt.date) -> None:
    folds = plan(month)
    for before, after in pairwise(folds):
        assert number(after.first_month) == number(before.last_month) + 1


@pytest.mark.parametrize("every", [6, 12, 24])
def test_searches_come_as_often_as_asked_for(every: int) -> None:
    searched = [
        number(fold.first_month)
        for fold in plan(dt.date(2029, 12, 1), pd_search_every_months=every)
        if fold.searches
    ]
    assert {b - a for a, b in pairwise(searched[1:])} == {every}
