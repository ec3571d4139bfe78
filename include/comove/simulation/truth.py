"""What was planted, written apart from what is delivered."""

from typing import Any

import numpy as np
import pyarrow as pa
from scipy import special

from comove.simulation.behaviour import History, Loans
from comove.simulation.calendar import NONE, Bools, Calendar, Ints
from comove.simulation.delivery import Ids, decimals, words
from comove.simulation.factors import Factors
from comove.simulation.funnel import Applications
from comove.simulation.people import People
from comove.simulation.plan import Plan
from comove.simulation.schedule import NO_DAY, Repayment, default_ends, is_recoverable

OUTCOMES = ["quick_cure", "cure", "restructured", "partial", "lost"]
RECOVERY_DAYS = 90


def _dates(days: Ints) -> pa.Array:
    missing = (days == NONE) | (days >= NO_DAY)
    kept = np.where(missing, 0, days).astype(np.int32)
    return pa.array(kept, mask=missing).cast(pa.date32())


def _months(month: Ints, calendar: Calendar) -> pa.Array:
    return _dates(np.where(month < 0, NONE, calendar.first_day[np.maximum(month, 0)]))


def borrower(people: People, plan: Plan, ids: Ids) -> pa.Table:
    """Grain: borrower. Latent quality, observable risk, links, former id."""
    former = pa.array(people.returns_as, mask=people.returns_as < 0)
    return pa.table(
        {
            "borrower_id": ids.borrower,
            "region": words(plan.region_names, people.region),
            "industry": words(plan.industry_names, people.industry),
            "quality": people.quality,
            "risk": people.risk,
            "is_linked": people.is_linked,
            "former_borrower_id": ids.borrower.take(former),
        }
    )


def borrower_month(
    history: History, repayment: Repayment, calendar: Calendar, ids: Ids
) -> pa.Table:
    """Grain: borrower with a loan at risk, by month. The conventional pd and the event.

    `is_in_default`: another loan of the borrower was 30 days past due when the month
    began, or was charged off or a fraud in the twelve months before.
    """
    risk = history.risk
    order = np.lexsort((risk.month, risk.borrower))
    who, month = risk.borrower[order], risk.month[order]
    in_default = _in_default(history.loans, repayment, calendar, len(ids.borrower))
    index = pa.array(who.astype(np.int32))
    return pa.table(
        {
            "borrower_id": pa.DictionaryArray.from_arrays(index, ids.borrower),
            "month": _months(month, calendar),
            "pd": special.ndtr(risk.probit[order]).astype(np.float32),
            "is_event": risk.is_event[order],
            "is_in_default": in_default[who, month],
        }
    )


def _in_default(
    loans: Loans, repayment: Repayment, calendar: Calendar, borrowers: int
) -> Bools:
    """Whether each borrower is in default in each month, by (borrower, month)."""
    months = calendar.months
    loan = np.flatnonzero(loans.event_month >= 0)
    until = np.minimum(default_ends(loans, repayment.charge_off_on, calendar), months - 1)
    change = np.zeros((borrowers, months + 1), np.int64)
    np.add.at(change, (loans.borrower[loan], loans.event_month[loan] + 1), 1)
    last = np.maximum(until[loan], loans.event_month[loan])
    np.add.at(change, (loans.borrower[loan], last + 1), -1)
    return np.asarray(np.cumsum(change, axis=1)[:, :months] > 0)


def application(made: Applications, people: People, ids: Ids) -> pa.Table:
    """Grain: application. Latent quality, and whether a drift touched its month."""
    return pa.table(
        {
            "application_id": ids.numbered("A", len(made)),
            "quality": people.quality[made.borrower],
            "strength": -people.risk[made.borrower],
            "is_drifted": made.is_drifted,
        }
    )


def loan(
    loans: Loans, repayment: Repayment, calendar: Calendar, loan_ids: pa.Array, ids: Ids
) -> pa.Table:
    """Grain: loan. Month of the event, and what became of the loan."""
    return pa.table(
        {
            "loan_id": loan_ids,
            "borrower_id": ids.borrower.take(loans.borrower),
            "event_month": _months(loans.event_month, calendar),
            "is_fraud": loans.is_fraud,
            "outcome": words(OUTCOMES, loans.outcome),
            "charge_off_on": _dates(repayment.charge_off_on),
        }
    )


def overdue(
    loans: Loans, repayment: Repayment, calendar: Calendar, loan_ids: pa.Array, ids: Ids
) -> pa.Table:
    """Grain: loan with an event still overdue at the end of the event's month.

    `repaid_in_90_days` counts payments after `as_of` on what was overdue then; it is
    complete only where `is_observed`.
    """
    i = repayment.instalments
    known = np.where(
        loans.event_month >= 0, calendar.last_day(np.maximum(loans.event_month, 0)), NONE
    )
    as_of = known[i.loan]
    is_open = (i.due_on <= as_of) & (i.paid_on > as_of)
    soon = is_open & (i.paid_on <= as_of + RECOVERY_DAYS)
    owed = _sum(i.loan[is_open], i.due[is_open], len(loans))
    repaid = _sum(i.loan[soon], i.paid[soon], len(loans))
    which = np.flatnonzero(owed > 0)
    return pa.table(
        {
            "loan_id": loan_ids.take(which),
            "borrower_id": ids.borrower.take(loans.borrower[which]),
            "as_of": _dates(known[which]),
            "overdue_amount": decimals(owed[which]),
            "repaid_in_90_days": decimals(repaid[which]),
            "is_recoverable": is_recoverable(loans)[which],
            "is_observed": known[which] + RECOVERY_DAYS <= calendar.end,
        }
    )


def _sum(loan: Ints, amount: Ints, count: int) -> Ints:
    # Cents stay far below 2**53, where floats begin to round.
    return np.bincount(loan, amount, minlength=count).astype(np.int64)


def factor_paths(factors: Factors, plan: Plan, calendar: Calendar) -> pa.Table:
    """Grain: factor by month."""
    paths = [("national", "all", factors.national)]
    paths += [
        ("region", name, path)
        for name, path in zip(plan.region_names, factors.region, strict=True)
    ]
    paths += [
        ("industry", name, path)
        for name, path in zip(plan.industry_names, factors.industry, strict=True)
    ]
    months = np.tile(np.arange(calendar.months), len(paths))
    return pa.table(
        {
            "factor": np.repeat([p[0] for p in paths], calendar.months),
            "group_name": np.repeat([p[1] for p in paths], calendar.months),
            "month": _months(months, calendar),
            "value": np.concatenate([p[2] for p in paths]),
        }
    )


def loadings(factors: Factors, plan: Plan) -> pa.Table:
    """Grain: factor. Its loading and its AR(1) coefficient."""
    kinds = ["national"] + ["region"] * plan.regions + ["industry"] * plan.industries
    phi = {
        "national": plan.national_phi,
        "region": plan.region_phi,
        "industry": plan.industry_phi,
    }
    return pa.table(
        {
            "factor": kinds,
            "group_name": ["all", *plan.region_names, *plan.industry_names],
            "loading": np.concatenate(
                [
                    [factors.national_loading],
                    factors.region_loading,
                    factors.industry_loading,
                ]
            ),
            "phi": [phi[kind] for kind in kinds],
        }
    )


def channels(plan: Plan) -> pa.Table:
    """Grain: channel. Share of borrowers, and mean quality in standard deviations."""
    return pa.table(
        {
            "channel": [channel.name for channel in plan.channels],
            "share": [channel.share for channel in plan.channels],
            "quality": [channel.quality for channel in plan.channels],
        }
    )


def score_drift(plan: Plan, calendar: Calendar) -> pa.Table:
    """Grain: funnel stage by cohort month in which the score's separation is changed."""
    rows = [
        (drift.stage, month, drift.strength)
        for drift in plan.drifts
        for month in drift.months(calendar.months)
    ]
    return pa.table(
        {
            "stage": pa.array([row[0] for row in rows], pa.string()),
            "cohort_month": _months(np.array([row[1] for row in rows], int), calendar),
            "strength": pa.array([row[2] for row in rows], pa.float64()),
        }
    )


def contagion(plan: Plan, calendar: Calendar) -> pa.Table:
    """Grain: month of the episode. Its cell, and the shock to the latent variable."""
    months = plan.contagion_months(calendar.months)
    count = len(months)
    return pa.table(
        {
            "region": [plan.region_names[plan.contagion_region]] * count,
            "industry": [plan.industry_names[plan.contagion_industry]] * count,
            "month": _months(np.array(months, int), calendar),
            "shock": list(plan.contagion_shock[:count]),
        }
    )


def common_scale(factors: Factors, calendar: Calendar) -> pa.Table:
    """Grain: month. √(nu/χ²) of the Student-t copula; 1 under the Gaussian."""
    months = np.arange(calendar.months)
    return pa.table({"month": _months(months, calendar), "scale": factors.scale})


def of_lender(factors: Factors, plan: Plan, calendar: Calendar) -> dict[str, Any]:
    """Truth tables that concern no single borrower, by file name."""
    return {
        "factor_path": factor_paths(factors, plan, calendar),
        "loading": loadings(factors, plan),
        "channel": channels(plan),
        "score_drift": score_drift(plan, calendar),
        "contagion": contagion(plan, calendar),
        "common_scale": common_scale(factors, calendar),
    }
