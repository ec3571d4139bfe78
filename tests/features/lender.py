"""The random lender of the marts, with applications, contacts, accounts and limits."""

import datetime as dt

import numpy as np
import pandas as pd
from tests.marts.lender import BORROWERS, FIRST_DAY, HORIZON, Tables, random_lender

CHANNELS = ("branch", "web")
OUTCOMES = ("promised", "refused", "no_answer")


def random_full_lender(seed: int) -> Tables:
    """Draw a lender with every entity the features are made of.

    Returns
    -------
    dict of str to DataFrame
        By entity, in the contract's columns that matter here.
    """
    rng = np.random.default_rng([seed, 1])
    tables = random_lender(seed)
    loans = tables["loans"]
    loans["application_id"] = [f"A{number}" for number in range(len(loans))]
    # A fifth of the loans was never asked for in writing.
    loans.loc[rng.random(len(loans)) < 0.2, "application_id"] = None
    asked = [
        _application(rng, loan)
        for _, loan in loans.dropna(subset="application_id").iterrows()
    ]
    return tables | {
        "borrowers": pd.DataFrame([_borrower(rng, i) for i in range(BORROWERS)]),
        "applications": pd.DataFrame(asked + [_rejected(rng, i) for i in range(400)]),
        "collections": pd.DataFrame([_contact(rng, i) for i in range(400)]),
        "transactions": pd.DataFrame([_transaction(rng, i) for i in range(1500)]),
        "credit_limits": pd.DataFrame([_limit(rng) for _ in range(300)]).drop_duplicates(
            ["borrower_id", "effective_on"]
        ),
    }


def _day(rng: np.random.Generator) -> dt.date:
    days = (HORIZON - FIRST_DAY).days + 45
    return FIRST_DAY + dt.timedelta(int(rng.integers(days)))


def _moment(rng: np.random.Generator, day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(int(rng.integers(8, 20)), 30))


def _anybody(rng: np.random.Generator) -> str:
    return f"B{rng.integers(BORROWERS)}"


def _borrower(rng: np.random.Generator, number: int) -> dict[str, object]:
    return {
        "borrower_id": f"B{number}",
        "kind": "person",
        "born_or_founded_on": dt.date(int(rng.integers(1950, 2000)), 5, 5),
        "region": rng.choice(["north", "south"]),
        "registered_at": dt.datetime(2022, int(rng.integers(1, 9)), 3),
        "monthly_income": float(rng.integers(500, 3000)),
    }


def _application(rng: np.random.Generator, loan: pd.Series) -> dict[str, object]:
    applied_on = loan["disbursed_on"] - dt.timedelta(int(rng.integers(0, 9)))
    return {
        "application_id": loan["application_id"],
        "borrower_id": loan["borrower_id"],
        "channel": rng.choice(CHANNELS),
        "applied_at": dt.datetime.combine(applied_on, dt.time(7)),
        "requested_amount": loan["principal"] + 100,
        "decision": "approved",
        "decided_at": dt.datetime.combine(applied_on, dt.time(8)),
        "approved_limit": loan["principal"],
        "disbursed_at": dt.datetime.combine(loan["disbursed_on"], dt.time(23)),
    }


def _rejected(rng: np.random.Generator, number: int) -> dict[str, object]:
    applied_at = _moment(rng, _day(rng))
    return {
        "application_id": f"R{number}",
        "borrower_id": _anybody(rng),
        "channel": rng.choice(CHANNELS),
        "applied_at": applied_at,
        "requested_amount": float(rng.integers(500, 5000)),
        "decision": "rejected",
        "decided_at": applied_at + dt.timedelta(days=int(rng.integers(0, 40))),
    }


def _contact(rng: np.random.Generator, number: int) -> dict[str, object]:
    day, outcome = _day(rng), rng.choice(OUTCOMES)
    is_promise = outcome == "promised"
    return {
        "contact_id": f"C{number}",
        "borrower_id": _anybody(rng),
        "contacted_at": _moment(rng, day),
        "medium": "call",
        "outcome": outcome,
        "promised_amount": float(rng.integers(5, 300)) if is_promise else None,
        "promised_on": day + dt.timedelta(int(rng.integers(0, 40)))
        if is_promise
        else None,
    }


def _transaction(rng: np.random.Generator, number: int) -> dict[str, object]:
    return {
        "transaction_id": f"T{number}",
        "borrower_id": _anybody(rng),
        "occurred_at": _moment(rng, _day(rng)),
        "amount": round(float(rng.normal(50, 300)), 2),
        "kind": "transfer",
    }


def _limit(rng: np.random.Generator) -> dict[str, object]:
    return {
        "borrower_id": _anybody(rng),
        "effective_on": _day(rng),
        "credit_limit": float(rng.integers(500, 9000)),
    }
