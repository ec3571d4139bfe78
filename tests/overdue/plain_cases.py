"""Cases of overdue borrowers in pandas, from the lender's files."""

import datetime as dt
from pathlib import Path

import pandas as pd

Tables = dict[str, pd.DataFrame]
HALF_A_CENT = 0.005
FAR = pd.Timestamp("2262-01-01")


def read_files(landing: Path) -> Tables:
    """The lender's files as delivered, by entity."""
    names = ("borrowers", "loans", "repayments", "loan_events", "collections")
    tables = {name: pd.read_parquet(landing / name) for name in names}
    for table in tables.values():
        for column in table.columns:
            if column.endswith(("_on", "_at")):
                table[column] = pd.to_datetime(table[column])
            elif column.endswith(("_amount", "_assets")):
                table[column] = table[column].astype(float)
    return tables


def cases(tables: Tables, day: dt.date, days: int = 90) -> pd.DataFrame:
    """Overdue borrowers at the end of a day, and what they repaid in the days after.

    Returns
    -------
    DataFrame
        By borrower_id: overdue_amount, days_overdue, repaid_amount, late_instalments_12m,
        contacts_30d, contacts_12m, refusals_12m.
    """
    as_of = pd.Timestamp(day)
    all_of = _instalments(tables)
    owed = _owed(tables, all_of, as_of, as_of + pd.Timedelta(days=days))
    found = owed.groupby("borrower_id").agg(
        overdue_amount=("owed", "sum"),
        days_overdue=("days", "max"),
        repaid_amount=("repaid", "sum"),
    )
    found["late_instalments_12m"] = _late(all_of, as_of).reindex(found.index).fillna(0)
    return found.join(_contacts(tables, as_of)).fillna(0.0)


def loans(tables: Tables) -> pd.DataFrame:
    """One row per loan: cycle, disbursement, and how it ended; days of Python or None."""
    ends = tables["loan_events"].sort_values("occurred_on")
    ends = ends[ends["kind"].isin(["charge_off", "paid_in_full"])]
    first = ends.groupby("loan_id")[["kind", "occurred_on"]].first()
    found = tables["loans"].join(first, on="loan_id")
    found["closed_on"] = found["occurred_on"]
    is_paid = found["kind"] == "paid_in_full"
    found["paid_in_full_on"] = found["occurred_on"].where(is_paid)
    found["observed_until"] = pd.NaT
    names = {"loan_id": "loan", "borrower_id": "borrower"}
    days = ["disbursed_on", "closed_on", "paid_in_full_on", "observed_until"]
    return _with_days(found.rename(columns=names)[[*names.values(), "cycle_days", *days]])


def instalments(tables: Tables) -> pd.DataFrame:
    """One row per instalment: loan, when it is due and when it was settled, or None."""
    found = _instalments(tables).rename(columns={"loan_id": "loan"})
    return _with_days(found[["loan", "due_on", "settled_on"]])


def _with_days(frame: pd.DataFrame) -> pd.DataFrame:
    found = frame.astype(object)
    for name in frame.columns[frame.columns.str.endswith(("_on", "_until"))]:
        found[name] = [None if pd.isna(one) else one.date() for one in frame[name]]
    return found


def _instalments(tables: Tables) -> pd.DataFrame:
    """One row per instalment: terms, when it was settled, when its loan ended."""
    payments = tables["repayments"].copy()
    payments["paid_amount"] = payments["paid_amount"].fillna(0.0)
    payments = payments.sort_values(["loan_id", "instalment_no", "paid_on"])
    by = ["loan_id", "instalment_no"]
    payments["so_far"] = payments.groupby(by)["paid_amount"].cumsum()
    is_settled = payments["so_far"] >= payments["due_amount"] - HALF_A_CENT
    settled = payments[is_settled].groupby(by)["paid_on"].min().rename("settled_on")
    terms = payments.groupby(by)[["due_on", "due_amount"]].first()
    events = tables["loan_events"]
    ends = events[events["kind"].isin(["charge_off", "paid_in_full"])]
    closed = ends.groupby("loan_id")["occurred_on"].min().rename("closed_on")
    loans = tables["loans"].set_index("loan_id")["borrower_id"]
    return (
        terms.join(settled)
        .reset_index()
        .join(closed, on="loan_id")
        .join(loans, on="loan_id")
    )


def _owed(
    tables: Tables, instalments: pd.DataFrame, as_of: pd.Timestamp, until: pd.Timestamp
) -> pd.DataFrame:
    is_open = instalments["closed_on"].fillna(FAR) > as_of
    is_late = (instalments["due_on"] < as_of) & (
        instalments["settled_on"].fillna(FAR) > as_of
    )
    late = instalments[is_open & is_late].copy()
    payments = tables["repayments"]
    by = ["loan_id", "instalment_no"]
    before = payments[payments["paid_on"] <= as_of].groupby(by)["paid_amount"].sum()
    soon = payments[(payments["paid_on"] > as_of) & (payments["paid_on"] <= until)]
    after = soon.groupby(by)["paid_amount"].sum()
    late = late.join(before.rename("before"), on=by).join(after.rename("after"), on=by)
    late["owed"] = late["due_amount"] - late["before"].fillna(0.0)
    late["repaid"] = late["after"].fillna(0.0).clip(upper=late["owed"])
    late["days"] = (as_of - late["due_on"]).dt.days
    return late


def _late(instalments: pd.DataFrame, as_of: pd.Timestamp) -> "pd.Series[float]":
    remembered = instalments["due_on"] > as_of - pd.Timedelta(days=365)
    ended = instalments[["settled_on", "closed_on"]].min(axis=1).fillna(FAR)
    is_asked = instalments["due_on"] <= instalments["closed_on"].fillna(FAR)
    late = remembered & is_asked & (instalments["due_on"] < as_of)
    late &= ended > instalments["due_on"]
    return instalments[late].groupby("borrower_id").size()


def _contacts(tables: Tables, as_of: pd.Timestamp) -> pd.DataFrame:
    contacts = tables["collections"]
    day = contacts["contacted_at"].dt.normalize()
    since = (as_of - day).dt.days
    recent = contacts[(since >= 0) & (since < 365)]
    return pd.DataFrame(
        {
            "contacts_30d": contacts[(since >= 0) & (since < 30)]
            .groupby("borrower_id")
            .size(),
            "contacts_12m": recent.groupby("borrower_id").size(),
            "refusals_12m": recent[recent["outcome"] == "refused"]
            .groupby("borrower_id")
            .size(),
        }
    )
