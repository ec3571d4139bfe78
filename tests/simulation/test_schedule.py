import dataclasses
import datetime as dt
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.settings import Settings
from comove.simulation import Plan, simulate
from comove.simulation.behaviour import annuity, lengthened
from comove.simulation.calendar import NONE, Calendar
from comove.simulation.delivery import decimals, ids

CALENDAR = Calendar(dt.date(2023, 1, 1), 24)
EPOCH = dt.date(1970, 1, 1)


def day(text: str) -> int:
    return (dt.date.fromisoformat(text) - EPOCH).days


@pytest.mark.parametrize(
    ("month", "due_day", "due"),
    [
        (0, 31, "2023-01-31"),
        (1, 31, "2023-02-28"),
        (13, 31, "2024-02-29"),
        (3, 31, "2023-04-30"),
        (1, 15, "2023-02-15"),
    ],
)
def test_due_days_beyond_the_month_fall_on_its_last(
    month: int, due_day: int, due: str
) -> None:
    assert CALENDAR.due[month, due_day] == day(due)


@pytest.mark.parametrize(
    ("month", "due_day", "rolls"),
    [
        (0, 29, True),  # 29 January + 30 days = 28 February
        (0, 30, False),  # 30 January + 30 days = 1 March
        (12, 30, True),  # the same in a leap year = 29 February
        (12, 31, False),
        (1, 31, True),  # 28 February + 30 days = 30 March
    ],
)
def test_only_instalments_that_turn_30_days_late_next_month_may_be_late(
    month: int, due_day: int, rolls: bool
) -> None:
    assert CALENDAR.can_roll(30)[month, due_day] == rolls


def test_months_of_days() -> None:
    days = np.array([day("2022-12-31"), day("2023-01-01"), day("2023-02-28")])

    assert CALENDAR.month_of(days).tolist() == [-1, 0, 1]


@given(st.integers(100_00, 10_000_000), st.floats(0.08, 0.48), st.integers(1, 36))
def test_an_annuity_pays_principal_and_interest_off(
    principal: int, rate: float, term: int
) -> None:
    payment = int(annuity(np.array([principal]), np.array([rate]), np.array([term]))[0])

    owed = float(principal)
    for _ in range(term):
        owed = owed * (1 + rate / 12) - payment
    # Half a cent of rounding an instalment, with its interest.
    assert abs(owed) <= 0.5 * term * (1 + rate / 12) ** term


@given(st.integers(0, 100))
def test_a_restructuring_never_shortens(instalments: int) -> None:
    assert instalments <= lengthened(np.array([instalments]))[0] <= 1.34 * instalments + 1


@given(st.lists(st.integers(-(10**15), 10**15).filter(lambda cents: cents != NONE)))
def test_cents_become_exact_decimals(cents: list[int]) -> None:
    values = decimals(np.array(cents, np.int64)).to_pylist()

    assert values == [Decimal(cent) / 100 for cent in cents]


def test_missing_cents_become_null() -> None:
    cents = np.array([5, NONE, -5])

    assert decimals(cents, cents == NONE).to_pylist() == [
        Decimal("0.05"),
        None,
        Decimal("-0.05"),
    ]


def test_identifiers_have_at_least_seven_digits() -> None:
    numbered = ids("B", np.array([1, 1_000_000, 12_345_678]))

    assert numbered.to_pylist() == ["B0000001", "B1000000", "B12345678"]


def test_another_plan_is_simulated_as_it_says(tmp_path: Path) -> None:
    plan = dataclasses.replace(
        Plan(), regions=3, industries=2, contagion_industry=1, copula="student_t"
    )

    simulate(Settings(home=tmp_path), borrowers=300, months=12, plan=plan)

    cells, scales = duckdb.sql(f"""
        select
            (select count(distinct (region, industry))
             from '{tmp_path}/landing/borrowers/part-*.parquet'),
            (select count(distinct scale) from '{tmp_path}/truth/common_scale.parquet')
    """).fetchall()[0]
    assert (cells, scales) == (6, 12)
