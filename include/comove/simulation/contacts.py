"""What surrounds the loans: collection contacts, transactions, limits, adjustments."""

from dataclasses import dataclass

import numpy as np

from comove.simulation.behaviour import LATE_AT_MONTH_END, LOST, History
from comove.simulation.calendar import NONE, SECONDS_PER_DAY, Calendar, Ints
from comove.simulation.funnel import Applications
from comove.simulation.people import People
from comove.simulation.plan import Plan
from comove.simulation.schedule import Repayment, first_unpaid_month

MEDIA = ("sms", "call", "letter", "visit", "email", "lawyer")
SMS, CALL, LETTER, VISIT, EMAIL, LAWYER = range(6)
OUTCOMES = ("promised", "paid", "refused", "no_answer", "wrong_contact")
PROMISED, PAID, REFUSED, NO_ANSWER, WRONG_CONTACT = range(5)
# Days past due and means of the contacts of a loan that turned 30 days late.
ROUNDS = ((8, SMS), (20, CALL), (35, CALL), (55, LETTER), (80, VISIT), (105, LAWYER))
# Chances of the outcomes, for borrowers who will repay and for those who will not.
IF_RECOVERABLE = (0.45, 0.15, 0.05, 0.30, 0.05)
IF_LOST = (0.20, 0.02, 0.25, 0.38, 0.15)
# One overdue borrower in three hears of it before the month is out.
REMINDED_SHARE = 0.3

KINDS = ("salary", "purchase", "transfer_in", "transfer_out", "cash_withdrawal")
KIND_SHARES = (0.22, 0.40, 0.10, 0.16, 0.12)
# Mean amount as a share of the monthly income; money out is negative.
KIND_SIZES = np.array([0.95, -0.06, 0.12, -0.15, -0.08])


@dataclass
class Contacts:
    """Delivered rows of `collections`; times in seconds, money in cents."""

    borrower: Ints
    contacted_at: Ints
    medium: Ints
    outcome: Ints
    promised: Ints
    promised_on: Ints


@dataclass
class Transactions:
    """Delivered rows of `transactions`; times in seconds, money in cents."""

    borrower: Ints
    occurred_at: Ints
    amount: Ints
    kind: Ints


@dataclass
class Limits:
    """Delivered rows of `credit_limits`."""

    borrower: Ints
    effective_on: Ints
    limit: Ints


def draw_contacts(
    history: History, repayment: Repayment, calendar: Calendar, rng: np.random.Generator
) -> Contacts:
    """Reminders of late instalments, and the rounds of collection after an event."""
    loans, i = history.loans, repayment.instalments
    inside = np.minimum(i.month, calendar.months - 1)
    late = history.instalment_states[loans.line[i.loan], inside] == LATE_AT_MONTH_END
    late &= (i.month < calendar.months) & (rng.random(len(i)) < REMINDED_SHARE)
    late &= i.month < first_unpaid_month(loans)[i.loan]
    reminded = i.loan[late]
    wait = np.maximum(i.paid_on[late] - i.due_on[late] - 1, 1)
    reminded_on = i.due_on[late] + np.minimum(wait, 5)
    chased, chased_on, medium = _rounds(history, repayment, calendar)
    loan = np.concatenate([reminded, chased])
    day = np.concatenate([reminded_on, chased_on])
    medium = np.concatenate([np.full(len(reminded), SMS), medium])
    known = np.flatnonzero(day <= calendar.end)
    known = known[np.lexsort((day[known], loans.borrower[loan[known]]))]
    return _contacts(history, loan[known], day[known], medium[known], rng)


def _rounds(
    history: History, repayment: Repayment, calendar: Calendar
) -> tuple[Ints, Ints, Ints]:
    """Loan, day and medium of every contact after an event, while it is unpaid."""
    loans, i = history.loans, repayment.instalments
    first = np.flatnonzero(i.month == first_unpaid_month(loans)[i.loan])
    days = np.array([r[0] for r in ROUNDS])
    day = i.due_on[first][:, None] + days
    until = np.minimum(i.paid_on[first], repayment.charge_off_on[i.loan[first]])
    until = np.where(loans.outcome[i.loan[first]] >= LOST - 1, until + 60, until)
    kept = day < until[:, None]
    loan = np.broadcast_to(i.loan[first][:, None], day.shape)[kept]
    medium = np.broadcast_to(np.array([r[1] for r in ROUNDS]), day.shape)[kept]
    return loan, day[kept], medium


def _contacts(
    history: History, loan: Ints, day: Ints, medium: Ints, rng: np.random.Generator
) -> Contacts:
    loans = history.loans
    lost = loans.outcome[loan] == LOST
    luck = rng.random(len(loan))
    good, bad = np.cumsum(IF_RECOVERABLE), np.cumsum(IF_LOST)
    outcome = np.where(lost, np.searchsorted(bad, luck), np.searchsorted(good, luck))
    outcome = np.minimum(outcome, WRONG_CONTACT)
    promises = outcome == PROMISED
    promised = (loans.payment[loan] * rng.uniform(0.5, 2.0, len(loan))).astype(np.int64)
    promised_on = day + rng.integers(1, 21, len(loan))
    hour = rng.integers(8 * 3600, 20 * 3600, len(loan))
    return Contacts(
        borrower=loans.borrower[loan],
        contacted_at=day * SECONDS_PER_DAY + hour,
        medium=medium,
        outcome=outcome,
        promised=np.where(promises, promised, NONE),
        promised_on=np.where(promises, promised_on, NONE),
    )


def draw_transactions(
    people: People, plan: Plan, calendar: Calendar, rng: np.random.Generator
) -> Transactions:
    """Account transactions from registration (or the window's start) on."""
    count = rng.poisson(plan.transactions_per_borrower, len(people))
    who = np.repeat(np.arange(len(people)), count)
    since = np.maximum(people.registered, calendar.first_day[0])[who]
    span = (calendar.end + 1 - since) * SECONDS_PER_DAY
    at = since * SECONDS_PER_DAY + (rng.random(len(who)) * span).astype(np.int64)
    order = np.lexsort((at, who))
    kind = rng.choice(len(KINDS), len(who), p=KIND_SHARES)
    spread = np.exp(0.5 * rng.standard_normal(len(who)) - 0.125)
    amount = people.income[who] * KIND_SIZES[kind] * spread
    return Transactions(who, at[order], np.rint(amount).astype(np.int64), kind)


def limits_of(applications: Applications) -> Limits:
    """Find the limit in force after each approval; the last of a day counts."""
    approved = np.flatnonzero(applications.decision == 1)
    who = applications.borrower[approved]
    at = applications.decided_at[approved]
    order = np.lexsort((at, who))
    who, day = who[order], at[order] // SECONDS_PER_DAY
    limit = applications.limit[approved][order]
    is_last = np.ones(len(who), np.bool_)
    is_last[:-1] = (who[1:] != who[:-1]) | (day[1:] != day[:-1])
    return Limits(who[is_last], day[is_last], limit[is_last])
