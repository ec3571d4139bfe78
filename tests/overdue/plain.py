"""The decision about an overdue borrower in plain Python, written from the design."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Strategy:
    """One row of the seed."""

    strategy: str
    rating: str
    amount_from: float
    amount_to: float | None
    contacts_per_week: float
    weeks: int
    cost_per_contact: float
    max_cost_share: float

    @property
    def cost(self) -> float:
        return self.contacts_per_week * self.weeks * self.cost_per_contact

    def is_for(self, amount: float) -> bool:
        end = math.inf if self.amount_to is None else self.amount_to
        return self.amount_from <= amount < end


@dataclass(frozen=True)
class Case:
    """What is known of an overdue borrower; money as decimals."""

    overdue: Decimal
    liquid: Decimal | None
    fixed: Decimal | None
    probability: float | None
    share: float = 0.5


def decide(
    case: Case, strategies: Sequence[Strategy]
) -> tuple[str, float | None, str | None, str | None]:
    """Status, capacity, rating and strategy of a case."""
    if case.probability is None:
        return "not_available", None, None, None
    if case.probability < 0.5:
        return "not_target", None, None, None
    if case.liquid is None or case.fixed is None:
        return "insufficient_data", None, None, None
    # Exact: a capacity of 1 means assets of exactly twice the overdue amount.
    left = case.liquid + case.fixed - case.overdue
    if left >= case.overdue:
        rating = "low"
    elif 2 * left >= case.overdue:
        rating = "medium"
    else:
        rating = "high"
    capacity = float(left / case.overdue)
    return "assessed", capacity, rating, _strategy(case, rating, strategies)


def _strategy(case: Case, rating: str, strategies: Sequence[Strategy]) -> str:
    mine = [one for one in strategies if one.rating == rating]
    (wanted,) = [one for one in mine if one.is_for(float(case.overdue))]
    brings = float(case.overdue) * case.share
    paying = [
        one
        for one in mine
        if one.cost <= wanted.cost and one.cost <= one.max_cost_share * brings
    ]
    if not paying:
        return "none"
    dearest = max(one.cost for one in paying)
    names = sorted(one.strategy for one in paying if one.cost == dearest)
    return wanted.strategy if wanted.strategy in names else names[0]
