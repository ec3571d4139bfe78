"""Days past due, events and exposure once more, day by day, straight from the rows.

Nothing here is shared with the SQL: each loan is looked at on every day of its life.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tests.marts.lender import HORIZON, Tables

EVENT_DAYS = 30
MEMORY_MONTHS = 12
NEVER = dt.date(9999, 1, 1)
Row = dict[str, Any]


@dataclass(frozen=True)
class Instalment:
    """An instalment with its payments as pairs of day and amount."""

    due_on: dt.date
    due_amount: float
    payments: tuple[tuple[dt.date, float], ...]

    def is_owed(self, day: dt.date) -> bool:
        """Whether money is missing at the end of a day."""
        paid = sum(amount for paid_on, amount in self.payments if paid_on <= day)
        return paid < self.due_amount - 0.005

    def settled_on(self) -> dt.date:
        """Last day's payment that was needed; never where money is missing."""
        days = sorted(paid_on for paid_on, _ in self.payments)
        return next((day for day in days if not self.is_owed(day)), NEVER)


def loan_months(tables: Tables) -> pd.DataFrame:
    """What `fct_loan_month` must hold, with the lender's own ids.

    Returns
    -------
    DataFrame
        One row per loan and month.
    """
    payments = _groups(tables["repayments"], "loan_id")
    events = _groups(tables["loan_events"], "loan_id")
    rows = [
        row
        for loan in tables["loans"].to_dict("records")
        for row in _Loan(
            loan, payments.get(loan["loan_id"], []), events.get(loan["loan_id"], [])
        ).months()
    ]
    return pd.DataFrame(rows)


def borrower_months(
    rows: pd.DataFrame, lasting: dict[str, list[dt.date]]
) -> pd.DataFrame:
    """What `fct_borrower_month` must hold.

    Parameters
    ----------
    rows : DataFrame
        From `loan_months`.
    lasting : dict of str to list of date
        Days of charge-offs and frauds of each borrower's loans.

    Returns
    -------
    DataFrame
        One row per borrower and month.
    """
    made = []
    for borrower, own in rows.groupby("borrower_id"):
        for month, now in own.groupby("month"):
            defaulted = any(
                0 < _months_between(day, month) <= MEMORY_MONTHS
                for day in lasting.get(borrower, [])
            )
            in_default = defaulted or now.days_past_due_at_start.max() >= EVENT_DAYS
            at_risk = bool(now.is_at_risk.any()) and not in_default
            made.append(
                {
                    "borrower_id": borrower,
                    "month": month,
                    "is_at_risk": at_risk,
                    "is_event": at_risk and bool(now.is_event.any()),
                    "current_dpd_max": now.days_past_due.max(),
                    "historical_dpd_max": own[own.month <= month].days_past_due_max.max(),
                    "exposure": round(now.exposure.sum(), 2),
                }
            )
    return pd.DataFrame(made)


def lasting_defaults(tables: Tables) -> dict[str, list[dt.date]]:
    """Days of charge-offs and frauds in the life of each borrower's loans."""
    payments = _groups(tables["repayments"], "loan_id")
    events = _groups(tables["loan_events"], "loan_id")
    days: dict[str, list[dt.date]] = {}
    for loan in tables["loans"].to_dict("records"):
        number = loan["loan_id"]
        life = _Loan(loan, payments.get(number, []), events.get(number, []))
        for day in (life.first("charge_off"), life.first("fraud")):
            if day != NEVER and day <= life.closed_on:
                days.setdefault(loan["borrower_id"], []).append(day)
    return days


class _Loan:
    def __init__(self, loan: Row, payments: list[Row], events: list[Row]) -> None:
        self.loan = loan
        self.events = events
        self.paid = [
            (row["paid_on"], row["paid_amount"]) for row in payments if row["payment_no"]
        ]
        self.instalments = [
            Instalment(
                rows[0]["due_on"],
                rows[0]["due_amount"],
                tuple((r["paid_on"], r["paid_amount"]) for r in rows if r["payment_no"]),
            )
            for rows in _by(payments, "instalment_no").values()
        ]
        term = loan["term_months"]
        self.term = None if pd.isna(term) else int(term)
        self.closed_on = max(self._closing(), loan["disbursed_on"])
        self.event_on = self._event()

    def first(self, kind: str) -> dt.date:
        days = [e["occurred_on"] for e in self.events if e["kind"] == kind]
        return max(min(days), self.loan["disbursed_on"]) if days else NEVER

    def _count(self) -> int | None:
        if self.term is None or self.loan["cycle_days"] == 30:
            return self.term
        return round(self.term * 365.25 / 12 / self.loan["cycle_days"])

    def _closing(self) -> dt.date:
        days = [self.first("charge_off"), self.first("paid_in_full")]
        settled = [instalment.settled_on() for instalment in self.instalments]
        if self.term is not None and NEVER not in settled:
            start = pd.Timestamp(self.loan["disbursed_on"])
            maturity = (start + pd.DateOffset(months=self.term)).date()
            days.append(max([maturity, *settled]))
            if settled and len(settled) >= self._count():
                days.append(max(settled))
        return min(days)

    def _event(self) -> dt.date:
        late = [
            day
            for instalment in self.instalments
            if instalment.is_owed(
                (day := instalment.due_on + dt.timedelta(EVENT_DAYS)) - dt.timedelta(1)
            )
        ]
        first = min([*late, self.first("charge_off"), self.first("fraud")])
        first = max(first, self.loan["disbursed_on"])
        return first if first <= self.closed_on else NEVER

    def _late(self, day: dt.date, as_of: dt.date) -> int:
        """Days past due on a day, of what was owed at the end of `as_of`."""
        if self.closed_on <= as_of and self.closed_on == self._paid_in_full():
            return 0
        due = [i.due_on for i in self.instalments if i.due_on <= day and i.is_owed(as_of)]
        return (day - min(due)).days if due else 0

    def _paid_in_full(self) -> dt.date:
        return self.first("paid_in_full")

    def _share(self) -> float:
        rate, count = self.loan["annual_rate"], self._count()
        if pd.isna(rate) or not rate or count is None:
            return 1.0
        days = self.loan["cycle_days"]
        each = rate / 12 if days == 30 else rate * days / 365.25
        # The present value of instalments of 1 is what instalments of 1 repay.
        return sum((1 + each) ** -k for k in range(1, count + 1)) / count

    def _exposure(self, day: dt.date) -> float:
        if self.closed_on <= day:
            return 0.0
        resets = sorted(
            (e["occurred_on"], e["amount"])
            for e in self.events
            if e["kind"] == "restructured" and e["occurred_on"] <= day
        )
        since, owed = resets[-1] if resets else (dt.date.min, self.loan["principal"])
        paid = sum(amount for paid_on, amount in self.paid if since < paid_on <= day)
        return max(0.0, owed - self._share() * paid)

    def months(self) -> list[Row]:
        first = self.loan["disbursed_on"].replace(day=1)
        last = min(self.closed_on.replace(day=1), HORIZON)
        return [self._month(m.date()) for m in pd.date_range(first, last, freq="MS")]

    def _month(self, month: dt.date) -> Row:
        days = [
            day.date() for day in pd.date_range(month, month + pd.offsets.MonthEnd(0))
        ]
        before = month - dt.timedelta(1)
        is_later = month > self.loan["disbursed_on"].replace(day=1)
        event_month = self.event_on.replace(day=1)
        at_start = self._late(before, before) if is_later else None
        return {
            "loan_id": self.loan["loan_id"],
            "borrower_id": self.loan["borrower_id"],
            "month": month,
            "days_past_due": self._late(days[-1], days[-1]),
            "days_past_due_max": max(self._late(d, d - dt.timedelta(1)) for d in days),
            "days_past_due_at_start": at_start or 0,
            "exposure": round(self._exposure(days[-1]), 2),
            "is_at_risk": is_later and event_month >= month,
            "is_event": is_later and event_month == month,
        }


def _months_between(day: dt.date, month: dt.date) -> int:
    return (month.year - day.year) * 12 + month.month - day.month


def _groups(rows: pd.DataFrame, key: str) -> dict[str, list[Row]]:
    return _by(rows.replace({np.nan: None}).to_dict("records"), key)


def _by(rows: list[Row], key: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups
