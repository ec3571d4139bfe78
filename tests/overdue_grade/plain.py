"""Overdue grades by the definition, borrower by borrower and point by point."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pandas as pd

from comove.overdue_grade.request import GradeRules

Row = dict[str, Any]
Bands = list[tuple[float, float, str]]


def grade_all(
    loans: pd.DataFrame,
    instalments: pd.DataFrame,
    *,
    as_of: dt.date,
    rules: GradeRules,
    bands: pd.DataFrame,
) -> pd.DataFrame:
    """Grade from loans (borrower, cycle, closing, observation) and their instalments.

    Both tables have Python dates or None, and a column `loan`; loans also `borrower`.
    """
    of_loan = {name: list(rows.to_dict("records"))
               for name, rows in instalments.groupby("loan")}  # fmt: skip
    found: list[Row] = []
    edges = bands_of(bands)
    for borrower, own in loans.groupby("borrower"):
        records = [one | {"rows": of_loan.get(one["loan"], [])}
                   for one in own.to_dict("records")]  # fmt: skip
        found += _grade_one(borrower, records, as_of, rules, edges)
    return pd.DataFrame(found)


def _grade_one(
    borrower: Any, loans: list[Row], as_of: dt.date, rules: GradeRules, bands: Bands
) -> Iterable[Row]:
    points = sorted({day for loan in loans for day in cycle_days(loan, as_of)})
    spells = [spell for loan in loans for spell in _late(loan)]
    weight, before = rules.first_weight, None
    for number, day in enumerate(points, start=1):
        current = max((late_on(day, *spell) for spell in spells), default=0)
        history = max(
            (_most_late(day, rules.window_days, *spell) for spell in spells), default=0
        )
        if before is not None:
            change = (history - before) / max(history, before, 1)
            weight = weight * (1 + rules.adjustment * change)
            weight = min(rules.max_weight, max(rules.min_weight, weight))
        before = history
        composite = weight * history + (1 - weight) * current
        yield {
            "borrower": borrower,
            "observed_on": day,
            "point_no": number,
            "loans": sum(_runs(loan, day) for loan in loans),
            "current_extreme": current,
            "historical_extreme": history,
            "weight_historical": weight,
            "composite": composite,
            "grade": grade_of(round(composite, 9), bands),
        }


def bands_of(seed: pd.DataFrame) -> Bands:
    """Beginning, end and letter of each band of the seed."""
    ends = seed["composite_to_days"].fillna(float("inf"))
    return list(zip(seed["composite_from_days"], ends, seed["grade"], strict=True))


def grade_of(composite: float, bands: Bands) -> str:
    """Letter of the band a composite lies in; exactly one does."""
    held = [grade for begin, end, grade in bands if begin <= composite < end]
    assert len(held) == 1, composite
    return held[0]


def cycle_days(loan: Row, as_of: dt.date) -> Iterable[dt.date]:
    """Days of a loan's cycle, to the first on which it is closed."""
    last = min(day for day in (as_of, loan["observed_until"]) if day)
    for day in _endless_cycle(loan):
        if day > last:
            return
        yield day
        if loan["closed_on"] and day >= loan["closed_on"]:
            return


def _endless_cycle(loan: Row) -> Iterable[dt.date]:
    due = sorted(row["due_on"] for row in loan["rows"])
    yield from due
    step = 0
    while due:
        step += 1
        yield _cycles_later(due[-1], loan["cycle_days"], step)


def _cycles_later(day: dt.date, cycle: Any, steps: int) -> dt.date:
    if pd.isna(cycle) or 28 <= cycle <= 31:
        return (pd.Timestamp(day) + pd.DateOffset(months=steps)).date()
    return day + dt.timedelta(days=int(cycle) * steps)


def _late(loan: Row) -> Iterable[tuple[dt.date, dt.date]]:
    """Due day of each instalment, and the day from which on it is not late any more."""
    for row in loan["rows"]:
        ends = [row["settled_on"], loan["paid_in_full_on"], loan["observed_until"]]
        yield row["due_on"], min([day for day in ends if day], default=dt.date.max)


def late_on(day: dt.date, due_on: dt.date, late_until: dt.date) -> int:
    """Days an instalment is late at the end of a day."""
    return (day - due_on).days if due_on < day < late_until else 0


def _most_late(
    day: dt.date, window_days: int, due_on: dt.date, late_until: dt.date
) -> int:
    """Largest days late on the days of the window; the day it is paid on counts."""
    begins = day - dt.timedelta(days=window_days - 1)
    last = min(day, late_until)
    return max(0, (last - due_on).days) if last >= begins else 0


def _runs(loan: Row, day: dt.date) -> bool:
    closed = loan["closed_on"]
    return bool(loan["disbursed_on"] <= day and (not closed or closed >= day))
