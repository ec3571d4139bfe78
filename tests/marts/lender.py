"""A small random lender, as rows of the source contract."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd

from comove.contract import load_source

FIRST_DAY = dt.date(2022, 9, 1)
# Payments and events go on after the last built month, which must not know them.
LAST_DAY = dt.date(2024, 8, 20)
HORIZON = dt.date(2024, 6, 1)
LOANS = 320
BORROWERS = 150

Tables = dict[str, pd.DataFrame]


def random_lender(seed: int) -> Tables:
    """Draw borrowers, loans, repayments and loan events.

    Returns
    -------
    dict of str to DataFrame
        By entity, in the contract's columns that matter here.
    """
    rng = np.random.default_rng(seed)
    loans = _loans(rng)
    instalments = [row for loan in loans for row in _instalments(rng, loan)]
    payments = [row for instalment in instalments for row in _payments(rng, instalment)]
    events = [row for loan in loans for row in _events(rng, loan)]
    borrowers = [{"borrower_id": f"B{i}", "kind": "person"} for i in range(BORROWERS)]
    return {
        "borrowers": pd.DataFrame(borrowers),
        "loans": pd.DataFrame(loans).astype({"term_months": "Int64"}),
        "repayments": pd.DataFrame(payments),
        "loan_events": pd.DataFrame(events).drop_duplicates(
            ["loan_id", "occurred_on", "kind"]
        ),
    }


def _loans(rng: np.random.Generator) -> list[dict[str, object]]:
    days = (HORIZON - FIRST_DAY).days + 45
    return [
        {
            "loan_id": f"L{number}",
            "application_id": None,
            "borrower_id": f"B{rng.integers(BORROWERS)}",
            "principal": float(rng.integers(500, 5000)),
            "annual_rate": rng.choice([None, 0.0, 0.12, 0.36]),
            "term_months": rng.choice([None, 3, 6, 12], p=[0.1, 0.3, 0.3, 0.3]),
            "disbursed_on": FIRST_DAY + dt.timedelta(int(rng.integers(days))),
            "cycle_days": rng.choice([14, 30]),
        }
        for number in range(LOANS)
    ]


def _instalments(
    rng: np.random.Generator, loan: dict[str, object]
) -> list[dict[str, object]]:
    months = loan["term_months"] or 4
    count = months if loan["cycle_days"] == 30 else round(months * 30.4375 / 14)
    # Some schedules are not delivered, some only in part.
    count = int(rng.choice([0, count, max(1, count - 2)], p=[0.05, 0.85, 0.1]))
    start = pd.Timestamp(loan["disbursed_on"])
    return [
        {
            "loan_id": loan["loan_id"],
            "instalment_no": number,
            "due_on": _due_on(start, number, int(loan["cycle_days"])),
            "due_amount": round(float(loan["principal"]) * 1.1 / count, 2),
            "is_bad": rng.random() < 0.15,
        }
        for number in range(1, count + 1)
    ]


def _due_on(start: pd.Timestamp, number: int, cycle_days: int) -> dt.date:
    if cycle_days == 30:
        return (start + pd.DateOffset(months=number)).date()
    return (start + pd.Timedelta(days=number * cycle_days)).date()


def _payments(
    rng: np.random.Generator, instalment: dict[str, object]
) -> list[dict[str, object]]:
    is_bad = instalment.pop("is_bad")
    parts = int(rng.choice([1, 2, 3], p=[0.8, 0.12, 0.08]))
    amounts = [round(float(instalment["due_amount"]) / parts, 2)] * parts
    amounts[-1] = round(float(instalment["due_amount"]) - sum(amounts[:-1]), 2)
    if rng.random() < 0.08:
        amounts[-1] = round(amounts[-1] * rng.choice([0.5, 1.5]), 2)
    lags = rng.integers(-20, 120, parts) if is_bad else rng.integers(-20, 9, parts)
    # Days 29, 30 and 31 decide about the event.
    lags[0] = rng.choice([lags[0], 29, 30, 31], p=[0.91, 0.03, 0.03, 0.03])
    rows = [
        {
            **instalment,
            "paid_on": instalment["due_on"] + dt.timedelta(int(lag)),
            "amount": x,
        }
        for lag, x in zip(lags, amounts, strict=True)
    ]
    paid = [row for row in rows if row["paid_on"] <= LAST_DAY]
    unpaid = {**instalment, "payment_no": 0, "paid_on": None, "paid_amount": None}
    numbered = [
        {**row, "payment_no": number, "paid_amount": row.pop("amount")}
        for number, row in enumerate(paid, start=1)
    ]
    # An instalment delivered before its payment keeps its unpaid row.
    return [unpaid, *numbered] if not paid or rng.random() < 0.2 else numbered


def _events(rng: np.random.Generator, loan: dict[str, object]) -> list[dict[str, object]]:
    kinds = ["charge_off", "paid_in_full", "restructured", "fraud", "recovered"]
    chances = [0.08, 0.08, 0.12, 0.03, 0.03]
    drawn = [kind for kind, p in zip(kinds, chances, strict=True) if rng.random() < p]
    drawn += ["restructured"] * (("restructured" in drawn) and rng.random() < 0.5)
    return [
        {
            "loan_id": loan["loan_id"],
            "occurred_on": loan["disbursed_on"] + dt.timedelta(int(rng.integers(0, 300))),
            "kind": kind,
            "amount": round(float(loan["principal"]) * rng.uniform(0.3, 1.1), 2),
        }
        for kind in drawn
    ]


def deliver(tables: Tables, folder: Path, name: str) -> None:
    """Write tables as CSV files of the contract, one per entity.

    Parameters
    ----------
    tables : dict of str to DataFrame
        By entity; columns left out are delivered empty.
    folder : Path
        The lender's files.
    name : str
        Of the files, without ending.
    """
    columns = {table.name: list(table.column_names) for table in load_source("contract")}
    for entity, rows in tables.items():
        target = folder / entity
        target.mkdir(parents=True, exist_ok=True)
        rows.reindex(columns=columns[entity]).to_csv(target / f"{name}.csv", index=False)
