"""Grades of a made lender: against plain Python, month by month, in any order."""

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from statsmodels.stats.proportion import proportion_confint
from tests.overdue_grade.lender import (
    GRADES,
    LAST_MONTH,
    MOVES,
    SEED,
    Lender,
    build,
    made_lender,
    read,
    settings_in,
    write_lender,
)
from tests.overdue_grade.plain import grade_all

from comove.overdue_grade.request import month_end, rules_of
from comove.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SPRING, SUMMER = dt.date(2024, 4, 1), dt.date(2024, 8, 1)


@pytest.fixture(scope="module")
def lender() -> Lender:
    return made_lender()


@pytest.fixture(scope="module")
def whole(lender: Lender, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Everything graded at once."""
    settings = settings_in(tmp_path_factory.mktemp("whole"))
    write_lender(settings, lender)
    build(settings, LAST_MONTH)
    return settings


def _beside(whole: Settings, folder: Path) -> Settings:
    """A home of its own, with what dbt has read of the project."""
    settings = settings_in(folder)
    parsed = Path("dbt") / "simulated.msgpack"
    target = settings.places.scratch / parsed
    target.parent.mkdir(parents=True)
    shutil.copyfile(whole.places.scratch / parsed, target)
    return settings


def _assert_plain(settings: Settings, lender: Lender, month: dt.date) -> None:
    expected = grade_all(
        lender.loans,
        lender.instalments,
        as_of=month_end(month),
        rules=rules_of(settings),
        bands=pd.read_csv(SEED),
    )
    expected = expected.rename(columns={"borrower": "borrower_key"})
    found = read(settings, GRADES)
    found["observed_on"] = found["observed_on"].dt.date
    assert_frame_equal(
        found[expected.columns],
        expected.sort_values(["borrower_key", "point_no"]).reset_index(drop=True),
        check_dtype=False,
        rtol=0,
        atol=1e-9,
    )


def _assert_same(found: Settings, expected: Settings) -> None:
    for query in (GRADES, MOVES):
        assert_frame_equal(read(found, query), read(expected, query))


def test_every_point_is_that_of_plain_python(whole: Settings, lender: Lender) -> None:
    _assert_plain(whole, lender, LAST_MONTH)
    grades = read(whole, "select distinct grade from risk.overdue_grade")
    assert len(grades) == 6


def test_moves_are_those_of_pandas_and_intervals_those_of_statsmodels(
    whole: Settings,
) -> None:
    last = read(whole, GRADES).groupby(["borrower_key", "month"]).last().reset_index()
    months = last["month"].dt.year * 12 + last["month"].dt.month
    by = last.groupby("borrower_key")
    last["before"] = by["grade"].shift()
    last["since"] = months - months.groupby(last["borrower_key"]).shift()
    moved = last[last["since"] <= Settings().overdue_grade_window_months]
    counts = moved.groupby(["month", "before", "grade"]).size()
    found = read(whole, MOVES)
    made = found[found["borrowers"] > 0].set_index(["month", "from_grade", "to_grade"])
    assert made["borrowers"].to_dict() == counts.to_dict()
    low, high = proportion_confint(
        found["borrowers"], found["borrowers_from"], method="wilson"
    )
    np.testing.assert_allclose(found["share_low"], low, atol=1e-12)
    np.testing.assert_allclose(found["share_high"], high, atol=1e-12)
    of_each = found.groupby(["month", "from_grade"])
    np.testing.assert_allclose(of_each["share"].sum(), 1)
    assert (of_each.size() == 6).all()


def test_months_in_any_order_give_the_tables_of_one_run(
    whole: Settings, lender: Lender, tmp_path: Path
) -> None:
    """April, December with other numbers for borrowers, August again, December again."""
    settings = _beside(whole, tmp_path)
    write_lender(settings, lender.as_known(month_end(SPRING)))
    build(settings, SPRING, "april")
    _assert_plain(settings, lender.as_known(month_end(SPRING)), SPRING)
    write_lender(settings, lender, renumber=1000)
    report = build(settings, LAST_MONTH, "december")
    assert report.graded_until == month_end(SPRING)
    kept = read(settings, "select max(observed_on), count(*) from risk.overdue_grade "
                "where run_id = 'april'").iloc[0]  # fmt: skip
    assert kept.iloc[0].date() <= month_end(SPRING)
    assert kept.iloc[1] == report.points - report.new_points > 0
    _assert_same(settings, whole)
    for month in (SUMMER, LAST_MONTH):
        assert build(settings, month, f"again {month}").new_points == 0
        _assert_same(settings, whole)


def test_a_late_payment_grades_its_borrower_anew_and_nobody_else(
    whole: Settings, lender: Lender, tmp_path: Path
) -> None:
    """What is known in August was otherwise in April: corrected, and a loan gone."""
    settings = _beside(whole, tmp_path)
    first = lender.loans["loan"].iloc[0]
    gone = lender.loans["borrower"].iloc[-1]
    before = lender.paid(first, 0, None)
    write_lender(settings, before)
    build(settings, SUMMER, "before")
    kept = lender.loans["borrower"] != gone
    loans = lender.loans[kept]
    after = Lender(
        loans, lender.instalments[lender.instalments["loan"].isin(loans["loan"])]
    )
    write_lender(settings, after)
    build(settings, LAST_MONTH, "after")
    _assert_plain(settings, after, LAST_MONTH)
    anew = read(
        settings,
        f"""
        select distinct borrower_key from risk.overdue_grade
        where run_id = 'after' and observed_on <= '{month_end(SUMMER)}'
        """,
    )
    assert list(anew["borrower_key"]) == [lender.loans["borrower"].iloc[0]]


def test_other_rules_grade_every_point_anew(
    whole: Settings, lender: Lender, tmp_path: Path
) -> None:
    settings = _beside(whole, tmp_path)
    write_lender(settings, lender)
    build(settings, SPRING, "before")
    changed = settings_in(
        tmp_path,
        overdue_grade_window_months=3,
        overdue_grade_first_weight=0.6,
        overdue_grade_adjustment=0.9,
        overdue_grade_max_weight=1.0,
        overdue_grade_min_weight=0.0,
    )
    report = build(changed, SPRING, "after")
    assert report.new_points == report.points
    _assert_plain(changed, lender, SPRING)


def test_without_instalments_there_are_no_grades_and_the_reason_is_told(
    whole: Settings, lender: Lender, tmp_path: Path
) -> None:
    settings = _beside(whole, tmp_path)
    write_lender(settings, Lender(lender.loans, lender.instalments.iloc[:0]))
    report = build(settings, SPRING, "nothing")
    assert report.points == 0
    assert report.unavailable
    told = read(settings, "select reason from audit.unavailable_model "
                "where run_id = 'nothing' and purpose = 'overdue_grade'")  # fmt: skip
    assert told["reason"].tolist() == ["no instalment falls due up to 2024-04-30."]
