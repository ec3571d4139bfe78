"""The months of a block of borrowers: who applies, borrows, is late, falls, returns."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from comove.simulation.calendar import (
    NONE,
    SECONDS_PER_DAY,
    Bools,
    Calendar,
    Floats,
    Ints,
)
from comove.simulation.factors import Factors, Threshold, draw_events
from comove.simulation.funnel import Applicants, Applications, draw_applications
from comove.simulation.people import People
from comove.simulation.plan import Plan

TERMS = np.array([3, 6, 9, 12, 18, 24, 36])
TERM_SHARES = (0.04, 0.09, 0.09, 0.30, 0.22, 0.18, 0.08)
EVENT_DAYS = 30
NEVER = 10_000

# How an instalment of a month went (0 where there is none).
PAID_IN_MONTH, LATE_AT_MONTH_END = 1, 2

# What becomes of a loan after its event.
QUICK_CURE, CURE, RESTRUCTURE, PARTIAL, LOST = range(5)


@dataclass
class Loans:
    """Loans of a block; every array has one value a loan.

    `event_month`, `prepaid_month` and `outcome` are -1 where there was none. Chances
    drawn for later use (`luck_…`) are uniform on (0, 1).
    """

    line: Ints
    borrower: Ints
    application: Ints
    month: Ints
    disbursed_on: Ints
    principal: Ints
    rate: Floats
    term: Ints
    due_day: Ints
    cycle_days: Ints
    payment: Ints
    event_month: Ints
    is_fraud: Bools
    outcome: Ints
    prepaid_month: Ints
    luck_when: Floats
    luck_share: Floats

    def __len__(self) -> int:
        """Give the number of loans."""
        return len(self.line)


@dataclass
class BorrowerMonths:
    """Truth of every borrower at risk in a month."""

    borrower: Ints
    month: Ints
    probit: Floats
    is_event: Bools


@dataclass
class History:
    """What happened to a block of borrowers.

    Parameters
    ----------
    applications, loans, risk
        As drawn, in order of time.
    instalment_states : ndarray, shape (lines, months)
        How the instalment of each credit line and month went.
    """

    applications: Applications
    loans: Loans
    risk: BorrowerMonths
    instalment_states: npt.NDArray[np.int8]


def live(
    people: People,
    factors: Factors,
    plan: Plan,
    calendar: Calendar,
    rng: np.random.Generator,
) -> History:
    """Let a block of borrowers live through the window.

    Returns
    -------
    History
        Applications, loans, and the truth of every borrower-month at risk.
    """
    block = _Block(people, factors, plan, calendar, rng)
    for month in range(calendar.months):
        block.judge(month)
        block.fall_due(month)
        block.apply(month)
    return block.history()


class _Block:
    """State of all credit lines of a block, month by month.

    Line i < n is borrower i's first; a few borrowers have a second one behind those.
    """

    def __init__(
        self,
        people: People,
        factors: Factors,
        plan: Plan,
        calendar: Calendar,
        rng: np.random.Generator,
    ) -> None:
        self.people, self.factors, self.plan = people, factors, plan
        self.calendar, self.rng = calendar, rng
        self.threshold = Threshold(plan)
        self.can_roll = calendar.can_roll(EVENT_DAYS)
        n = len(people)
        self.second = np.flatnonzero(rng.random(n) < plan.second_line_share)
        self.borrower = np.concatenate([np.arange(n), self.second])
        self.next_application = people.first_application[self.borrower].copy()
        self.next_application[n:] += rng.integers(2, 9, len(self.second))
        lines = len(self.borrower)
        self.loan = np.full(lines, -1)
        self.began = np.full(lines, NEVER)
        self.last_due = np.zeros(lines, np.int64)
        self.due_day = np.zeros(lines, np.int64)
        self.is_fallen = np.zeros(lines, np.bool_)
        self.is_late = np.zeros(lines, np.bool_)
        self.states = np.zeros((lines, calendar.months), np.int8)
        self.lapses = np.zeros(n, np.int64)
        self.known_since = np.full(n, NEVER)
        self.has_past_event = np.zeros(n, np.bool_)
        self.fell = np.zeros(n, np.bool_)
        self.risk = people.risk
        self.own = factors.own(people.region, people.industry)
        self.loans: list[Loans] = []
        self.events: list[tuple[Ints, int, Bools, Ints]] = []
        self.prepaid: list[tuple[Ints, int]] = []
        self.applications: list[Applications] = []
        self.truth: list[BorrowerMonths] = []
        self.loan_count = self.application_count = 0

    # --- events ---------------------------------------------------------------------

    def judge(self, month: int) -> None:
        """Decide the month's events among the lines at risk at its start."""
        at_risk = (self.loan >= 0) & (self.began < month) & ~self.is_fallen
        late = at_risk & self.is_late
        who = np.flatnonzero(self._by_borrower(at_risk))
        probit = self._probit(who, late, month)
        falls = np.zeros(len(self.people), np.bool_)
        falls[who] = draw_events(
            self._common(who, month),
            self.own[who],
            self.threshold(probit),
            float(self.factors.scale[month]),
            self.rng,
        )
        self.truth.append(
            BorrowerMonths(who, np.full(len(who), month), probit, falls[who])
        )
        self._fall(falls, at_risk, late, month)
        self.lapses += self._by_borrower(late)
        self._close(late & ~self.is_fallen & (self.last_due < month), month)
        self.is_late[:] = False

    def _by_borrower(self, of_lines: Bools) -> Bools:
        """Whether any of a borrower's lines is so."""
        n = len(self.people)
        either = of_lines[:n].copy()
        either[self.second] |= of_lines[n:]
        return either

    def _probit(self, who: Ints, late: Bools, month: int) -> Floats:
        """Φ⁻¹(pd) from what was known at the end of the month before."""
        plan, risk = self.plan, self.risk[who]
        days = np.where(
            late, self.calendar.days_to_month_end[month - 1, self.due_day], -1
        )
        worst = days[: len(self.people)].copy()
        worst[self.second] = np.maximum(worst[self.second], days[len(self.people) :])
        worst = worst[who]
        years = np.minimum((month - self.known_since[who]) / 12, 2)
        if_late = plan.late_probit + plan.probit_per_day * worst
        if_late += plan.probit_per_risk * risk + plan.probit_per_year * years
        if_late += plan.probit_per_lapse * np.minimum(self.lapses[who], 4)
        if_fraud = plan.fraud_probit + plan.fraud_probit_per_risk * risk
        return np.where(worst >= 0, if_late, if_fraud).clip(-5.5, 1.5)

    def _common(self, who: Ints, month: int) -> Floats:
        people = self.people
        common = self.factors.common(people.region[who], people.industry[who], month)
        episode = self.plan.contagion_months(self.calendar.months)
        if month in episode:
            shock = self.plan.contagion_shock[episode.index(month)]
            common += shock * people.is_linked[who]
        return common

    def _fall(self, falls: Bools, at_risk: Bools, late: Bools, month: int) -> None:
        has_late = self._by_borrower(late)
        defaults = late & falls[self.borrower]
        # Nothing unpaid: the event is a fraud on the borrower's first line at risk.
        is_fraud = at_risk & (falls & ~has_late)[self.borrower]
        has_first = at_risk[: len(self.people)]
        is_fraud[len(self.people) :] &= ~has_first[self.second]
        fallen = np.flatnonzero(defaults | is_fraud)
        self.is_fallen[fallen] = True
        # Known from the next month on: an application may come before the event's day.
        self.has_past_event |= self.fell
        self.fell = falls
        outcome = np.where(is_fraud[fallen], LOST, self._outcomes(fallen, month))
        self.events.append((self.loan[fallen], month, is_fraud[fallen], outcome))
        self.last_due[fallen[outcome >= PARTIAL]] = NEVER
        longer = fallen[outcome == RESTRUCTURE]
        left = self.last_due[longer] - (month + 1)
        self.last_due[longer] = month + 1 + lengthened(left)

    def _outcomes(self, lines: Ints, month: int) -> Ints:
        """Draw what becomes of defaulted loans: liquid assets help, risk does not."""
        who = self.borrower[lines]
        payment = self._column("payment", lines)
        cover = np.log((self.people.liquid[who] + 100) / (2 * payment + 100))
        chance = special.ndtr(0.45 + 0.50 * (cover - 1.6) - 0.40 * self.risk[who])
        luck = self.rng.random(len(lines))
        kind = self.rng.random(len(lines))
        good = np.select([kind < 0.22, kind < 0.72, kind < 0.82], [0, 1, 2], 3)
        good = np.where(
            (good == RESTRUCTURE) & (self.last_due[lines] <= month + 1), CURE, good
        )
        return np.where(luck < chance, good, LOST)

    def _column(self, name: str, lines: Ints) -> Ints:
        wanted = self.loan[lines]
        values = np.concatenate([getattr(part, name) for part in self.loans] or [wanted])
        return np.asarray(values[wanted])

    # --- instalments ----------------------------------------------------------------

    def fall_due(self, month: int) -> None:
        """Decide how the month's instalments go on lines without an event."""
        has_due = (self.loan >= 0) & (self.began < month) & (self.last_due >= month)
        self._close(self.is_fallen & (self.last_due <= month), month)
        has_due &= ~self.is_fallen
        chance = self._late_chance(month)
        late = has_due & (self.rng.random(len(chance)) < chance)
        self.states[has_due, month] = PAID_IN_MONTH
        self.states[late, month] = LATE_AT_MONTH_END
        self.is_late = late
        is_last = self.last_due == month
        rate = self.plan.early_repayment_rate
        prepays = has_due & ~late & ~is_last & (self.rng.random(len(late)) < rate)
        self.prepaid.append((self.loan[prepays], month))
        self._close((has_due & is_last & ~late) | prepays, month)

    def _late_chance(self, month: int) -> Floats:
        """P(unpaid at the month's end): falls with the days since the due date."""
        plan = self.plan
        days = self.calendar.days_to_month_end[month, self.due_day]
        slope = np.exp(plan.late_slope * self.risk)[self.borrower]
        chance = plan.late_scale * np.exp(-days / plan.late_days) * slope
        episode = plan.contagion_months(self.calendar.months)
        # Lateness comes a month before the first events can.
        if month + 1 in episode:
            linked = self.people.is_linked[self.borrower]
            chance *= np.where(linked, plan.contagion_lateness, 1.0)
        return np.asarray(np.minimum(chance, 0.8) * self.can_roll[month, self.due_day])

    def _close(self, lines: Bools, month: int) -> None:
        """End loans; most borrowers come back some months later."""
        which = np.flatnonzero(lines & (self.loan >= 0))
        comes_back = self.rng.random(len(which)) < np.where(
            self.is_fallen[which], 0.30, 0.92
        )
        wait = self.rng.geometric(0.65, len(which))
        self.next_application[which] = np.where(comes_back, month + wait, NEVER)
        self.loan[which] = -1
        self.began[which] = NEVER
        self.is_fallen[which] = False
        self.is_late[which] = False

    # --- applications and loans -------------------------------------------------------

    def apply(self, month: int) -> None:
        """Send the month's applicants down the funnel and open their loans."""
        lines = np.flatnonzero((self.next_application == month) & (self.loan < 0))
        if not len(lines):
            return
        who = self.borrower[lines]
        applicants = Applicants(lines, who, month, self.has_past_event[who])
        made = draw_applications(
            applicants, self.people, self.plan, self.calendar, self.rng
        )
        self.applications.append(made)
        tries_again = self.rng.random(len(lines)) < 0.80
        wait = self.rng.integers(1, 5, len(lines))
        self.next_application[lines] = np.where(tries_again, month + wait, NEVER)
        self._open(made, np.flatnonzero(made.disbursed_at != NONE))
        self.application_count += len(lines)

    def _open(self, made: Applications, which: Ints) -> None:
        loans = _draw_loans(made, which, self.application_count, self.calendar, self.rng)
        self.loans.append(loans)
        line = loans.line
        self.loan[line] = self.loan_count + np.arange(len(line))
        self.began[line] = loans.month
        self.last_due[line] = loans.month + loans.term
        self.due_day[line] = loans.due_day
        self.known_since[loans.borrower] = np.minimum(
            self.known_since[loans.borrower], loans.month
        )
        self.next_application[line] = NEVER
        self.loan_count += len(line)

    def history(self) -> History:
        """All that happened."""
        loans = joined(self.loans)
        for loan, month, is_fraud, outcome in self.events:
            loans.event_month[loan] = month
            loans.is_fraud[loan] = is_fraud
            loans.outcome[loan] = outcome
        for loan, month in self.prepaid:
            loans.prepaid_month[loan] = month
        return History(joined(self.applications), loans, joined(self.truth), self.states)


def lengthened(instalments: Ints) -> Ints:
    """Instalments left after a restructuring: a third more, each smaller."""
    return -(-4 * instalments // 3)


def joined[T](parts: list[T]) -> T:
    """One object of arrays from many of the same kind."""
    names = vars(parts[0])
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in names
    }
    return type(parts[0])(**columns)


def _draw_loans(
    made: Applications,
    which: Ints,
    first_application: int,
    calendar: Calendar,
    rng: np.random.Generator,
) -> Loans:
    count = len(which)
    disbursed_on = made.disbursed_at[which] // SECONDS_PER_DAY
    month = calendar.month_of(disbursed_on)
    term = rng.choice(TERMS, count, p=TERM_SHARES)
    standard = (made.score[which] - 600) / 50
    rate = 0.26 - 0.04 * standard + 0.02 * rng.standard_normal(count)
    rate = np.round(rate.clip(0.08, 0.48), 4)
    principal = made.drawdown_amount[which]
    return Loans(
        line=made.line[which],
        borrower=made.borrower[which],
        application=first_application + which,
        month=month,
        disbursed_on=disbursed_on,
        principal=principal,
        rate=rate,
        term=term,
        due_day=_due_days(disbursed_on - calendar.first_day[month] + 1, rng),
        cycle_days=np.where(rng.random(count) < 0.8, 30, 31),
        payment=annuity(principal, rate, term),
        event_month=np.full(count, -1),
        is_fraud=np.zeros(count, np.bool_),
        outcome=np.full(count, -1),
        prepaid_month=np.full(count, -1),
        luck_when=rng.random(count),
        luck_share=rng.random(count),
    )


def _due_days(disbursed_day: Ints, rng: np.random.Generator) -> Ints:
    """Day of the month: of the disbursement, the pay day, or the month's end.

    Never the 1st or 2nd: unpaid at the end of a long month, they would turn 30 days late
    before they could still be paid in time.
    """
    luck = rng.random(len(disbursed_day))
    own = np.maximum(disbursed_day, 3)
    return np.select([luck < 0.70, luck < 0.90], [own, np.full_like(own, 25)], 31)


def annuity(principal: Ints, annual_rate: Floats, term: Ints) -> Ints:
    """Equal monthly instalment in cents: P·i / (1 - (1 + i)^-n), i = rate / 12."""
    monthly = annual_rate / 12
    payment = principal * monthly / (1 - (1 + monthly) ** -term)
    return np.rint(payment).astype(np.int64)
