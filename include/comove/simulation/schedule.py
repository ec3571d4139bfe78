"""Instalments, payments and loan events, from what happened month by month."""

from dataclasses import dataclass

import numpy as np

from comove.simulation.behaviour import (
    CURE,
    LATE_AT_MONTH_END,
    LOST,
    PARTIAL,
    QUICK_CURE,
    RESTRUCTURE,
    History,
    Loans,
    lengthened,
)
from comove.simulation.calendar import NONE, Bools, Calendar, Floats, Ints

# A payment that never comes.
NO_DAY = 2**31
EVENT_KINDS = ("charge_off", "paid_in_full", "restructured", "recovered", "fraud")
CHARGE_OFF, PAID_IN_FULL, RESTRUCTURED, RECOVERED, FRAUD = range(5)
CHARGE_OFF_DAYS = 120
# A charge-off is a default nobody cured: it counts on for a year.
DEFAULT_MEMORY_MONTHS = 12
SPLIT_SHARE = 0.04


@dataclass
class Instalments:
    """Instalments of a block in order of loan and number; money in cents."""

    loan: Ints
    number: Ints
    month: Ints
    due_on: Ints
    due: Ints
    paid_on: Ints
    paid: Ints

    def __len__(self) -> int:
        """Give the number of instalments."""
        return len(self.loan)


@dataclass
class Payments:
    """Delivered rows of `repayments`, in order of their key."""

    loan: Ints
    number: Ints
    payment: Ints
    due_on: Ints
    due: Ints
    paid_on: Ints
    paid: Ints


@dataclass
class LoanEvents:
    """Delivered rows of `loan_events`; `kind` counts in `EVENT_KINDS`."""

    loan: Ints
    occurred_on: Ints
    kind: Ints
    amount: Ints


@dataclass
class Repayment:
    """How all loans of a block were repaid, and when they were given up."""

    instalments: Instalments
    payments: Payments
    events: LoanEvents
    charge_off_on: Ints


def repay(history: History, calendar: Calendar, rng: np.random.Generator) -> Repayment:
    """Write out instalments, payments and events of a block.

    Returns
    -------
    Repayment
        Instalments due within the window and, on open loans, the next one; payments and
        events up to the window's end.
    """
    loans = history.loans
    charge_off_on = _charge_offs(loans, calendar)
    instalments = _schedule(loans, charge_off_on, calendar)
    _pay_as_usual(instalments, history, calendar, rng)
    _pay_after_event(instalments, loans, calendar)
    instalments = _with_payoffs(instalments, loans, calendar, rng)
    payments = _payments(instalments, loans, calendar, rng)
    events = _events(instalments, loans, charge_off_on, calendar, rng)
    return Repayment(instalments, payments, events, charge_off_on)


def first_unpaid_month(loans: Loans) -> Ints:
    """Month of the first instalment an event leaves unpaid; far off without event."""
    first = np.where(loans.is_fraud, loans.event_month, loans.event_month - 1)
    return np.where(loans.event_month >= 0, first, 10_000)


def _charge_offs(loans: Loans, calendar: Calendar) -> Ints:
    lost = loans.outcome >= PARTIAL
    month = np.where(lost, first_unpaid_month(loans), 0)
    due = calendar.due[month, loans.due_day]
    # A fraud late in the month comes after an instalment that falls due early in it.
    wait = CHARGE_OFF_DAYS + (30 * loans.luck_share).astype(np.int64)
    return np.where(lost, due + wait, NO_DAY)


def terms(loans: Loans) -> Ints:
    """Count the instalments of each loan, restructurings included."""
    done = loans.event_month + 1 - loans.month
    return np.where(
        loans.outcome == RESTRUCTURE, done + lengthened(loans.term - done), loans.term
    )


def _schedule(loans: Loans, charge_off_on: Ints, calendar: Calendar) -> Instalments:
    last = np.minimum(loans.month + terms(loans), calendar.months)
    last = np.where(loans.prepaid_month >= 0, loans.prepaid_month, last)
    count = np.maximum(last - loans.month, 0)
    loan = np.repeat(np.arange(len(loans)), count)
    number = np.arange(len(loan)) - np.repeat(np.cumsum(count) - count, count) + 1
    month = loans.month[loan] + number
    due_on = calendar.due[month, loans.due_day[loan]]
    kept = due_on <= charge_off_on[loan]
    loan, number, month, due_on = loan[kept], number[kept], month[kept], due_on[kept]
    due = _due_amounts(loans, loan, month)
    return Instalments(loan, number, month, due_on, due, due_on.copy(), due.copy())


def _due_amounts(loans: Loans, loan: Ints, month: Ints) -> Ints:
    done = loans.event_month + 1 - loans.month
    left = np.maximum(loans.term - done, 1)
    smaller = np.rint(loans.payment * left / lengthened(left)).astype(np.int64)
    is_new = (loans.outcome == RESTRUCTURE)[loan] & (month > loans.event_month[loan] + 1)
    return np.where(is_new, smaller[loan], loans.payment[loan])


def _pay_as_usual(
    instalments: Instalments,
    history: History,
    calendar: Calendar,
    rng: np.random.Generator,
) -> None:
    """Pay every instalment within its month, or where late within 29 days."""
    i, loans = instalments, history.loans
    count = len(i)
    inside = np.minimum(i.month, calendar.months - 1)
    states = history.instalment_states[loans.line[i.loan], inside]
    to_end = calendar.days_to_month_end[i.month, loans.due_day[i.loan]]
    luck, size = rng.random((2, count))
    early = -np.minimum((1 + 5 * size).astype(np.int64), _days_into_month(i, calendar))
    grace = np.minimum((-6 * np.log(size)).astype(np.int64), np.minimum(to_end, 20))
    days = np.select([luck < 0.15, luck < 0.70], [early, np.zeros_like(early)], grace)
    late = to_end + 1 + (size * (29 - to_end)).astype(np.int64)
    is_late = (states == LATE_AT_MONTH_END) & (i.month < calendar.months)
    i.paid_on = i.due_on + np.where(is_late, np.minimum(late, 29), days)
    # The instalment billed for the month after the window is not paid within it.
    i.paid_on[i.month >= calendar.months] = NO_DAY


def _days_into_month(instalments: Instalments, calendar: Calendar) -> Ints:
    return instalments.due_on - calendar.first_day[instalments.month]


def _pay_after_event(instalments: Instalments, loans: Loans, calendar: Calendar) -> None:
    """Settle late, in part or never what an event left unpaid."""
    i = instalments
    hit = np.flatnonzero(i.month >= first_unpaid_month(loans)[i.loan])
    loan = i.loan[hit]
    outcome, luck = loans.outcome[loan], loans.luck_when[loan]
    known = calendar.last_day(loans.event_month[loan])
    cured_on = _cure_days(loans, calendar)[loan]
    cures = outcome <= RESTRUCTURE
    settled = np.where(i.due_on[hit] <= cured_on, cured_on, i.paid_on[hit])
    in_part_on = known + 5 + (50 * luck).astype(np.int64)
    in_part = np.where(i.due_on[hit] <= known, _part_paid(loans, i, hit), 0.0)
    i.paid_on[hit] = np.where(cures, settled, np.where(in_part > 0, in_part_on, NO_DAY))
    part = np.floor(i.due[hit] * in_part).astype(np.int64)
    i.paid[hit] = np.where(cures, i.due[hit], part)


def _cure_days(loans: Loans, calendar: Calendar) -> Ints:
    """Day each cured or restructured loan settles its arrears.

    A quick cure comes before the end of the event's month, if 31 days past due leaves
    room in it; any other within 75 days after that.
    """
    month = np.maximum(loans.event_month, 0)
    known = calendar.last_day(month)
    turned = calendar.due[np.maximum(month - 1, 0), loans.due_day] + 31
    quick = turned + (loans.luck_when * (known - turned + 1)).astype(np.int64)
    later = known + 3 + (72 * loans.luck_when).astype(np.int64)
    is_quick = (loans.outcome == QUICK_CURE) & (turned <= known)
    restructured = calendar.last_day(month + 1)
    return np.select(
        [is_quick, loans.outcome <= CURE, loans.outcome == RESTRUCTURE],
        [quick, later, restructured],
        NO_DAY,
    )


def _part_paid(loans: Loans, instalments: Instalments, hit: Ints) -> Floats:
    """Share of an overdue instalment that is paid after all on a loan given up.

    Partial payers give 60 to 90 % of each; two in five of the lost 5 to 30 % of the
    first; frauds nothing.
    """
    loan = instalments.loan[hit]
    luck = loans.luck_share[loan]
    is_first = instalments.month[hit] == first_unpaid_month(loans)[loan]
    gives_little = is_first & (luck < 0.4) & ~loans.is_fraud[loan]
    little = np.where(gives_little, 0.05 + 0.25 * luck / 0.4, 0.0)
    return np.where(loans.outcome[loan] == PARTIAL, 0.6 + 0.3 * luck, little)


def _with_payoffs(
    instalments: Instalments, loans: Loans, calendar: Calendar, rng: np.random.Generator
) -> Instalments:
    """Add the last instalment of loans repaid early: all that is left, on one day."""
    loan = np.flatnonzero(loans.prepaid_month >= 0)
    month = loans.prepaid_month[loan]
    number = month - loans.month[loan] + 1
    # Payments can be out of order by some days; the pay-off comes after them all.
    last_paid = np.zeros(len(loans), np.int64)
    np.maximum.at(last_paid, instalments.loan, instalments.paid_on)
    after = np.maximum(last_paid[loan], calendar.due[month, loans.due_day[loan]])
    day = np.minimum(after + rng.integers(0, 6, len(loan)), calendar.last_day(month))
    paid = np.maximum(loans.prepaid_month - loans.month, 0)
    amount = balance(loans, paid)[loan]
    added = Instalments(loan, number, month, day, amount, day.copy(), amount.copy())
    order = np.argsort(np.concatenate([instalments.loan, loan]), kind="stable")
    return Instalments(
        **{
            name: np.concatenate([values, getattr(added, name)])[order]
            for name, values in vars(instalments).items()
        }
    )


def balance(loans: Loans, paid: Ints) -> Ints:
    """Principal outstanding after `paid` instalments of each loan, in cents."""
    monthly = loans.rate / 12
    left = 1 - (1 + monthly) ** -(loans.term - paid).astype(float)
    share = left / (1 - (1 + monthly) ** -loans.term.astype(float))
    cents: Ints = np.rint(loans.principal * share).astype(np.int64)
    return cents


def _payments(
    instalments: Instalments, loans: Loans, calendar: Calendar, rng: np.random.Generator
) -> Payments:
    """One row a payment within the window; one without payment where there was none."""
    i = instalments
    count = len(i)
    is_split = (rng.random(count) < SPLIT_SHARE) & (i.paid == i.due)
    is_split &= i.month < calendar.months
    earlier = i.paid_on - rng.integers(1, 6, count)
    # Both in one month: a part paid before its end would tell at the end that the rest
    # comes.
    not_before = np.maximum(
        loans.disbursed_on[i.loan], calendar.first_day[calendar.month_of(i.paid_on)]
    )
    is_split &= (earlier >= not_before) & (i.paid_on < NO_DAY)
    first = np.where(
        is_split, (i.paid * rng.uniform(0.3, 0.7, count)).astype(np.int64), 0
    )
    rows = np.concatenate([np.arange(count), np.flatnonzero(is_split)])
    paid_on = np.concatenate(
        [np.where(is_split, earlier, i.paid_on), i.paid_on[is_split]]
    )
    paid = np.concatenate([np.where(is_split, first, i.paid), (i.paid - first)[is_split]])
    payment = np.repeat([1, 2], [count, int(is_split.sum())])
    known = (paid_on <= calendar.end) & (paid > 0)
    kept = known | (payment == 1)
    payment = np.where(known, payment, 0)
    order = np.argsort(rows[kept], kind="stable")
    at = rows[kept][order]
    return Payments(
        loan=i.loan[at],
        number=i.number[at],
        payment=payment[kept][order],
        due_on=i.due_on[at],
        due=i.due[at],
        paid_on=np.where(known, paid_on, NONE)[kept][order],
        paid=np.where(known, paid, 0)[kept][order],
    )


def _events(
    instalments: Instalments,
    loans: Loans,
    charge_off_on: Ints,
    calendar: Calendar,
    rng: np.random.Generator,
) -> LoanEvents:
    """Events of all loans, in order of loan, day and kind."""
    every = np.arange(len(loans))
    owed = _owed_at_charge_off(instalments, loans)
    ended_on, last_amount = _ends(instalments, loans)
    recovers = (charge_off_on < NO_DAY) & (rng.random(len(loans)) < 0.4)
    recovered_on = charge_off_on + rng.integers(30, 300, len(loans))
    recovered = (owed * rng.uniform(0.05, 0.4, len(loans))).astype(np.int64)
    month = np.maximum(loans.event_month, 0)
    in_month = (rng.random(len(loans)) * calendar.length[month]).astype(np.int64)
    fraud_on = calendar.first_day[month] + in_month
    is_new = loans.outcome == RESTRUCTURE
    renewed = balance(loans, np.where(is_new, month + 1 - loans.month, 0))
    columns = (
        (CHARGE_OFF, charge_off_on, owed),
        (PAID_IN_FULL, ended_on, last_amount),
        (RESTRUCTURED, np.where(is_new, _cure_days(loans, calendar), NO_DAY), renewed),
        (RECOVERED, np.where(recovers, recovered_on, NO_DAY), recovered),
        (FRAUD, np.where(loans.is_fraud, fraud_on, NO_DAY), owed),
    )
    day = np.concatenate([column[1] for column in columns])
    amount = np.concatenate([column[2] for column in columns])
    kind = np.repeat([column[0] for column in columns], len(loans))
    loan = np.tile(every, len(columns))
    kept = np.flatnonzero(day <= calendar.end)
    kept = kept[np.lexsort((kind[kept], day[kept], loan[kept]))]
    return LoanEvents(loan[kept], day[kept], kind[kept], amount[kept])


def _owed_at_charge_off(instalments: Instalments, loans: Loans) -> Ints:
    """Principal still owed when the event came, less what was paid in part later."""
    done = np.where(
        loans.event_month >= 0, first_unpaid_month(loans) - 1 - loans.month, 0
    )
    owed = balance(loans, done.clip(0, loans.term))
    in_part = (instalments.paid_on < NO_DAY) & (instalments.paid < instalments.due)
    given = np.bincount(
        instalments.loan[in_part], instalments.paid[in_part], minlength=len(loans)
    )
    return np.maximum(owed - given.astype(np.int64), 1)


def _ends(instalments: Instalments, loans: Loans) -> tuple[Ints, Ints]:
    """Day each loan is paid in full (`NO_DAY` where it is not) and the last payment."""
    i = instalments
    count = np.bincount(i.loan, minlength=len(loans))
    wanted = np.where(
        loans.prepaid_month >= 0, loans.prepaid_month - loans.month + 1, terms(loans)
    )
    paid_on = np.zeros(len(loans), np.int64)
    np.maximum.at(paid_on, i.loan, i.paid_on)
    amount = np.zeros(len(loans), np.int64)
    amount[i.loan] = i.due
    is_whole = (count == wanted) & (loans.outcome < PARTIAL)
    return np.where(is_whole, paid_on, NO_DAY), amount


def is_recoverable(loans: Loans) -> Bools:
    """Planted type of loans with an event: repays at least half within 90 days."""
    return (loans.outcome >= 0) & (loans.outcome < LOST)


def default_ends(loans: Loans, charge_off_on: Ints, calendar: Calendar) -> Ints:
    """Last month a loan with an event counts as the borrower's default.

    The month it is cured in; for loans given up a year after the charge-off.
    """
    lost = loans.outcome >= PARTIAL
    day = np.where(lost, charge_off_on, _cure_days(loans, calendar))
    day = np.where(loans.outcome >= 0, day, calendar.first_day[0])
    return calendar.month_of(day) + np.where(lost, DEFAULT_MEMORY_MONTHS, 0)
