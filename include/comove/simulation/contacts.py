"""What surrounds the loans: collection contacts, transactions, limits, adjustments."""

from dataclasses import dataclass

import numpy as np

from comove.simulation.behaviour import EVENT_DAYS, LOST, PARTIAL, History, Loans
from comove.simulation.calendar import NONE, SECONDS_PER_DAY, Bools, Calendar, Ints
from comove.simulation.funnel import Applications
from comove.simulation.people import People
from comove.simulation.plan import Plan
from comove.simulation.schedule import Repayment, first_unpaid_month

MEDIA = ("sms", "call", "letter", "visit", "email", "lawyer")
SMS, CALL, LETTER, VISIT, EMAIL, LAWYER = range(6)
OUTCOMES = ("promised", "paid", "refused", "no_answer", "wrong_contact")
PROMISED, PAID, REFUSED, NO_ANSWER, WRONG_CONTACT = range(5)
# Days past due, means and chance of the contacts about an instalment unpaid on that day.
# Before the event collectors find time for three in ten, whoever they are: a contact may
# depend on what has happened up to it, never on whether the borrower will fall.
ROUNDS = (
    (8, SMS, 0.3),
    (20, CALL, 0.3),
    (35, CALL, 1.0),
    (55, LETTER, 1.0),
    (80, VISIT, 1.0),
    (105, LAWYER, 1.0),
)
# Chances of the outcomes: before the event for all alike, after it for borrowers who will
# repay and for those who will not.
BEFORE_EVENT = (0.35, 0.0, 0.10, 0.45, 0.10)
IF_RECOVERABLE = (0.45, 0.15, 0.05, 0.30, 0.05)
IF_LOST = (0.20, 0.02, 0.25, 0.38, 0.15)

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
    """Contacts about unpaid instalments, up to the window's end.

    About every instalment of a loan up to the first its event leaves unpaid; those after
    it are part of the same collection.
    """
    loans, i = history.loans, repayment.instalments
    rows = np.flatnonzero(i.month <= first_unpaid_month(loans)[i.loan])
    days, media, chances = (np.array(column) for column in zip(*ROUNDS, strict=True))
    day = i.due_on[rows][:, None] + days
    reached = day < _chased_until(repayment, loans, rows)[:, None]
    reached &= (rng.random(day.shape) < chances) & (day <= calendar.end)
    row, turn = np.nonzero(reached)
    loan, day = i.loan[rows[row]], day[reached]
    order = np.lexsort((day, loans.borrower[loan]))
    loan, day, turn = loan[order], day[order], turn[order]
    return _contacts(history, loan, day, media[turn], days[turn] >= EVENT_DAYS, rng)


def _chased_until(repayment: Repayment, loans: Loans, rows: Ints) -> Ints:
    """Day on which each instalment is paid, or its loan given up.

    Who pays in part, after the event, is still asked for the rest.
    """
    i = repayment.instalments
    loan = i.loan[rows]
    until = np.minimum(i.paid_on[rows], repayment.charge_off_on[loan])
    is_first = i.month[rows] == first_unpaid_month(loans)[loan]
    return np.where(is_first & (loans.outcome[loan] >= PARTIAL), until + 60, until)


def _contacts(
    history: History,
    loan: Ints,
    day: Ints,
    medium: Ints,
    is_after_event: Bools,
    rng: np.random.Generator,
) -> Contacts:
    loans = history.loans
    outcome = _outcomes(loans.outcome[loan] == LOST, is_after_event, rng)
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


def _outcomes(is_lost: Bools, is_after_event: Bools, rng: np.random.Generator) -> Ints:
    luck = rng.random(len(is_lost))
    before, good, bad = (
        np.searchsorted(np.cumsum(chances), luck, side="right")
        for chances in (BEFORE_EVENT, IF_RECOVERABLE, IF_LOST)
    )
    outcome = np.where(is_after_event, np.where(is_lost, bad, good), before)
    return np.minimum(outcome, WRONG_CONTACT)


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
