"""Applications on their way down the funnel, and the drifts planted there."""

from dataclasses import dataclass

import numpy as np

from comove.simulation.calendar import (
    NONE,
    SECONDS_PER_DAY,
    Bools,
    Calendar,
    Floats,
    Ints,
)
from comove.simulation.people import People
from comove.simulation.plan import Plan

# Correlation of the lender's score with what its borrowers' delivered columns say.
SCORE_CORRELATION = 0.80
# In standard deviations of the score.
CUT_OFF = -0.85
MANUAL_NOISE = 0.25
PAST_EVENT_PENALTY = 1.5
HOUR = 3_600


@dataclass
class Applications:
    """Applications of one month; every array has one value an application.

    Times are seconds since 1970-01-01 (`NONE` where nothing happened), money is in cents,
    decisions are 1 approved, 0 rejected, -1 none.
    """

    line: Ints
    borrower: Ints
    month: Ints
    channel: Ints
    score: Floats
    is_drifted: Bools
    requested: Ints
    applied_at: Ints
    decision: Ints
    decided_at: Ints
    limit: Ints
    drawdown_applied_at: Ints
    drawdown_amount: Ints
    drawdown_decision: Ints
    drawdown_decided_at: Ints
    disbursed_at: Ints

    def __len__(self) -> int:
        """Give the number of applications."""
        return len(self.line)


@dataclass(frozen=True)
class Applicants:
    """Who applies in a month: credit line, borrower, and whether an event is known."""

    line: Ints
    borrower: Ints
    month: int
    has_past_event: Bools


def draw_applications(
    who: Applicants,
    people: People,
    plan: Plan,
    calendar: Calendar,
    rng: np.random.Generator,
) -> Applications:
    """Send a month's applicants down the funnel.

    Returns
    -------
    Applications
        With everything that would happen after the window left out.
    """
    count = len(who.line)
    strength = -people.risk[who.borrower]
    blind = _strength(plan, "credit_applied", who.month, calendar)
    loading = SCORE_CORRELATION * (1 - blind)
    noise = rng.standard_normal(count)
    score = loading * strength + np.sqrt(1 - loading**2) * noise
    score -= PAST_EVENT_PENALTY * who.has_past_event
    passes = _Passes(strength, score, who.month, plan, calendar, rng)
    is_approved = passes.approved()
    is_drawn = is_approved & passes.drawn()
    is_disbursed = is_drawn & passes.disbursed()
    requested = _requested(people.income[who.borrower], rng)
    limit = _rounded(requested * rng.uniform(0.6, 1.3, count))
    applications = Applications(
        line=who.line,
        borrower=who.borrower,
        month=np.full(count, who.month),
        channel=_channels(people.channel[who.borrower], plan, rng),
        score=np.round((600 + 50 * score).clip(300, 850), 1),
        is_drifted=np.full(count, passes.is_drifted or blind > 0),
        requested=requested,
        decision=is_approved.astype(np.int64),
        limit=np.where(is_approved, limit, NONE),
        drawdown_amount=np.where(is_drawn, np.minimum(limit, requested), NONE),
        drawdown_decision=np.where(is_drawn, is_disbursed, -1).astype(np.int64),
        **_times(who, people, is_drawn, is_disbursed, calendar, rng),
    )
    _cut_off_at_end(applications, calendar)
    return applications


class _Passes:
    """Who passes each gate of the funnel.

    A drifted gate turns with its strength against the applicants on whom the score and
    the delivered columns agree, which is what makes the score separate less below it.
    """

    def __init__(
        self,
        strength: Floats,
        score: Floats,
        month: int,
        plan: Plan,
        calendar: Calendar,
        rng: np.random.Generator,
    ) -> None:
        self._score = score
        self._agrees = strength * score > 0
        self._rng = rng
        self._drift = {
            stage: _strength(plan, stage, month, calendar)
            for stage in ("credit_approved", "drawdown_applied", "disbursed")
        }

    @property
    def is_drifted(self) -> bool:
        return any(self._drift.values())

    def approved(self) -> Bools:
        noise = MANUAL_NOISE * self._rng.standard_normal(len(self._score))
        passes = self._score + noise > CUT_OFF
        overrides = self._draw(0.9 * self._drift["credit_approved"])
        return np.where(overrides, ~self._agrees, passes)

    def drawn(self) -> Bools:
        return self._draw(0.88) & ~self._turned_away("drawdown_applied")

    def disbursed(self) -> Bools:
        return self._draw(0.94) & ~self._turned_away("disbursed")

    def _turned_away(self, stage: str) -> Bools:
        return self._agrees & self._draw(0.9 * self._drift[stage])

    def _draw(self, probability: float) -> Bools:
        return self._rng.random(len(self._score)) < probability


def _strength(plan: Plan, stage: str, month: int, calendar: Calendar) -> float:
    return max(
        (
            drift.strength
            for drift in plan.drifts
            if drift.stage == stage and month in drift.months(calendar.months)
        ),
        default=0.0,
    )


def _requested(income: Ints, rng: np.random.Generator) -> Ints:
    multiple = np.exp(0.3 + 0.6 * rng.standard_normal(len(income)))
    return np.maximum(_rounded(income * multiple), 10_000)


def _rounded(cents: Floats | Ints) -> Ints:
    """To tens of the currency."""
    return (np.rint(cents / 1_000) * 1_000).astype(np.int64)


def _channels(own: Ints, plan: Plan, rng: np.random.Generator) -> Ints:
    other = rng.integers(0, len(plan.channels), len(own))
    return np.where(rng.random(len(own)) < 0.9, own, other)


def _times(
    who: Applicants,
    people: People,
    is_drawn: Bools,
    is_disbursed: Bools,
    calendar: Calendar,
    rng: np.random.Generator,
) -> dict[str, Ints]:
    count = len(who.line)
    day = calendar.first_day[who.month] + rng.integers(
        0, calendar.length[who.month], count
    )
    applied = day * SECONDS_PER_DAY + rng.integers(7 * HOUR, 22 * HOUR, count)
    decided = applied + _wait(60, 72 * HOUR, count, rng)
    asked = decided + _wait(300, 240 * HOUR, count, rng)
    answered = asked + _wait(60, 24 * HOUR, count, rng)
    paid_out = answered + _wait(600, 48 * HOUR, count, rng)
    return {
        "applied_at": applied,
        "decided_at": decided,
        "drawdown_applied_at": np.where(is_drawn, asked, NONE),
        "drawdown_decided_at": np.where(is_drawn, answered, NONE),
        "disbursed_at": np.where(is_disbursed, paid_out, NONE),
    }


def _wait(least: int, most: int, count: int, rng: np.random.Generator) -> Ints:
    """Seconds waited: mostly short, at times long."""
    return (least + (most - least) * rng.random(count) ** 3).astype(np.int64)


def _cut_off_at_end(applications: Applications, calendar: Calendar) -> None:
    """Forget what happens after the window: it is not known yet."""
    end = (calendar.end + 1) * SECONDS_PER_DAY
    a = applications
    late = a.decided_at >= end
    a.decided_at[late] = NONE
    a.decision[late] = -1
    a.limit[late] = NONE
    late = a.drawdown_applied_at >= end
    a.drawdown_applied_at[late] = NONE
    a.drawdown_amount[late] = NONE
    late |= a.drawdown_decided_at >= end
    a.drawdown_decided_at[late] = NONE
    a.drawdown_decision[late] = -1
    late |= a.disbursed_at >= end
    a.disbursed_at[late] = NONE
