"""Who the borrowers are."""

from dataclasses import dataclass

import numpy as np

from comove.simulation.calendar import Bools, Calendar, Floats, Ints
from comove.simulation.plan import Plan

# Names and streets are drawn as numbers and looked up, modulo the list, on writing.
DRAWN_NAMES = 10_000


@dataclass
class People:
    """Borrowers of one block; every array has one value a borrower.

    Money is in cents, days are days since 1970-01-01.
    """

    number: Ints
    is_company: Bools
    region: Ints
    industry: Ints
    channel: Ints
    quality: Floats
    personal_score: Floats
    family_score: Floats
    company_score: Floats
    income: Ints
    other_income: Ints
    employment_months: Ints
    liquid: Ints
    fixed: Ints
    house: Ints
    vehicle: Ints
    company_assets: Ints
    born: Ints
    first_application: Ints
    registered: Ints
    given_name: Ints
    family_name: Ints
    street: Ints
    house_number: Ints
    returns_as: Ints
    is_linked: Bools

    def __len__(self) -> int:
        """Give the number of borrowers."""
        return len(self.number)

    @property
    def risk(self) -> Floats:
        """Risk as anyone can compute it from delivered columns; mean 0, sd near 1.

        -0.75·score - 0.35·income - 0.25·employment, standardised terms.
        """
        score = (self.personal_score - 650) / 60
        income = (np.log(self.income / 100) - 7.6) / 0.55
        employment = (np.sqrt(self.employment_months) - 7) / 3
        return np.asarray(-(0.75 * score + 0.35 * income + 0.25 * employment))


def draw_people(
    first: int, count: int, plan: Plan, calendar: Calendar, rng: np.random.Generator
) -> People:
    """Draw a block of borrowers.

    Parameters
    ----------
    first : int
        Number of the first; borrower numbers start at 1.
    count : int
        How many.
    plan, calendar, rng
        Parameters, window, source of randomness.
    """
    channel = rng.choice(len(plan.channels), count, p=[c.share for c in plan.channels])
    quality = rng.standard_normal(count)
    quality += np.array([c.quality for c in plan.channels])[channel]
    is_company = rng.random(count) < 0.15
    income = _lognormal(7.6 + 0.15 * quality, 0.5, rng) * np.where(is_company, 3, 1)
    owns_house, owns_vehicle = rng.random((2, count)) < np.array([[0.4], [0.5]])
    house = _lognormal(11.3 + 0.2 * quality, 0.5, rng) * owns_house
    vehicle = _lognormal(8.9 + 0.1 * quality, 0.6, rng) * owns_vehicle
    company_assets = _lognormal(10.8 + 0.3 * quality, 0.9, rng) * is_company
    other_income = _lognormal(np.full(count, 5.5), 0.8, rng) * (rng.random(count) < 0.3)
    first_application = _first_application(count, calendar, rng)
    people = People(
        number=first + np.arange(count),
        is_company=is_company,
        region=rng.choice(plan.regions, count, p=_weights(plan.regions, 0.5)),
        industry=_industries(count, plan, rng),
        channel=channel,
        quality=quality,
        personal_score=_score(650, 60, quality, 0.8, rng),
        family_score=_score(640, 55, quality, 0.5, rng),
        company_score=np.where(is_company, _score(620, 70, quality, 0.6, rng), np.nan),
        income=_cents(income),
        other_income=_cents(other_income),
        employment_months=np.minimum(rng.gamma(1.6, 38, count), 480).astype(np.int64),
        liquid=_cents(_lognormal(7.2 + 0.5 * quality, 1.1, rng)),
        fixed=_cents(house + vehicle + company_assets),
        house=_cents(house),
        vehicle=_cents(vehicle),
        company_assets=_cents(company_assets),
        born=_birth_days(is_company, calendar, rng),
        first_application=first_application,
        registered=_registered(first_application, calendar, rng),
        given_name=rng.integers(0, DRAWN_NAMES, count),
        family_name=rng.integers(0, DRAWN_NAMES, count),
        street=rng.integers(0, DRAWN_NAMES, count),
        house_number=rng.integers(1, 240, count),
        returns_as=np.full(count, -1, np.int64),
        is_linked=np.zeros(count, np.bool_),
    )
    _let_return(people, plan, calendar, rng)
    _link(people, plan, rng)
    return people


def _cents(amount: Floats) -> Ints:
    return np.rint(amount * 100).astype(np.int64)


def _lognormal(mean: Floats, spread: float, rng: np.random.Generator) -> Floats:
    return np.exp(mean + spread * rng.standard_normal(len(mean)))


def _score(
    mean: float, spread: float, quality: Floats, loading: float, rng: np.random.Generator
) -> Floats:
    noise = rng.standard_normal(len(quality))
    value = mean + spread * (loading * quality + np.sqrt(1 - loading**2) * noise)
    return np.asarray(np.round(value.clip(300, 900), 1))


def _weights(count: int, power: float) -> Floats:
    """Shares that fall with the rank, as sizes of towns and trades do."""
    raw = (1 + np.arange(count)) ** -power
    return raw / raw.sum()


def _industries(count: int, plan: Plan, rng: np.random.Generator) -> Ints:
    order = (np.arange(plan.industries) - plan.contagion_industry) % plan.industries
    share = _weights(plan.industries, 0.4)[order]
    return rng.choice(plan.industries, count, p=share)


def _birth_days(is_company: Bools, calendar: Calendar, rng: np.random.Generator) -> Ints:
    age = np.where(
        is_company,
        rng.gamma(2.0, 5.0, len(is_company)) + 0.5,
        (18 + rng.gamma(4.0, 5.5, len(is_company))).clip(18, 85),
    )
    days: Ints = (calendar.first_day[0] - age * 365.25).astype(np.int64)
    return days


def _first_application(count: int, calendar: Calendar, rng: np.random.Generator) -> Ints:
    # A lender opens with a campaign: two thirds come in the first sixth.
    early = rng.random(count) < 0.65
    span = np.where(early, max(1, calendar.months // 6), calendar.months)
    return (rng.random(count) * span).astype(np.int64)


def _registered(
    first_application: Ints, calendar: Calendar, rng: np.random.Generator
) -> Ints:
    # Half register on the day they first apply, which is no earlier than the first.
    waits = rng.integers(1, 400, len(first_application))
    waits *= rng.random(len(first_application)) < 0.5
    return calendar.first_day[first_application] - waits


def _let_return(
    people: People, plan: Plan, calendar: Calendar, rng: np.random.Generator
) -> None:
    """Make the last few persons of the block earlier ones under a new id."""
    count = int(plan.returning_share * len(people))
    known = np.flatnonzero(~people.is_company[: len(people) // 2])
    if count == 0 or len(known) < count:
        return
    new = np.arange(len(people) - count, len(people))
    old = rng.choice(known, count, replace=False)
    kept = {"number", "first_application", "registered", "returns_as", "is_linked"}
    for name, values in vars(people).items():
        if name not in kept:
            values[new] = values[old]
    people.returns_as[new] = old
    later = people.first_application[old] + rng.integers(8, 20, count)
    people.first_application[new] = np.minimum(later, calendar.months - 1)
    people.registered[new] = calendar.first_day[people.first_application[new]]


def _link(people: People, plan: Plan, rng: np.random.Generator) -> None:
    in_cell = (people.region == plan.contagion_region) & (
        people.industry == plan.contagion_industry
    )
    chosen = rng.random(len(people)) < plan.contagion_share
    people.is_linked[:] = in_cell & chosen
