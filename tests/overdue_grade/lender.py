"""A made lender: loans of every kind, in the tables that overdue grades are made of."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from comove.audit.tables import ensure_tables
from comove.connection import connect
from comove.home import project_root
from comove.overdue_grade.build import GradeReport, build_grades
from comove.settings import Settings

LAST_MONTH = dt.date(2024, 12, 1)
SEED = project_root() / "dbt_project" / "seeds" / "overdue_grade_bands.csv"
# Not compared: it says which run made a row, not what the row says.
GRADES = """
    select * exclude (run_id) from risk.overdue_grade order by borrower_key, point_no
"""
MOVES = """
    select * exclude (run_id) from risk.overdue_grade_transition
    order by month, from_grade, to_grade
"""


@dataclass(frozen=True)
class Lender:
    """Loans (one row each) and instalments, with Python dates or None."""

    loans: pd.DataFrame
    instalments: pd.DataFrame

    def paid(self, loan: str, place: int, settled_on: dt.date | None) -> "Lender":
        """The same with one instalment settled on another day."""
        rows = self.instalments.copy()
        chosen = rows.index[rows["loan"] == loan][place]
        rows.at[chosen, "settled_on"] = settled_on
        return Lender(self.loans, rows)

    def as_known(self, day: dt.date) -> "Lender":
        """The same with nothing that happened after a day; contracts are known."""
        loans, rows = self.loans.copy(), self.instalments.copy()
        for frame, names in (
            (loans, ("closed_on", "paid_in_full_on")),
            (rows, ("settled_on",)),
        ):
            for name in names:
                frame[name] = [one if one and one <= day else None for one in frame[name]]
        return Lender(loans, rows)


def made_lender(borrowers: int = 60, seed: int = 7) -> Lender:
    """Make up to three loans a borrower: on time, late, paid early, charged off, open."""
    random = np.random.default_rng(seed)
    loans: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for borrower in range(borrowers):
        lateness = random.choice([0.0, 0.1, 0.5, 0.9])
        for number in range(random.integers(1, 4)):
            loan = _loan(random, f"{borrower:032x}", f"{borrower}-{number}")
            own = _instalments(random, loan, lateness)
            _close(random, loan, own)
            loans.append(loan)
            rows += own
    return Lender(pd.DataFrame(loans, dtype=object), pd.DataFrame(rows, dtype=object))


def _loan(random: np.random.Generator, borrower: str, name: str) -> dict[str, Any]:
    begin = dt.date(2023, 1, 1) + dt.timedelta(days=int(random.integers(0, 500)))
    return {
        "loan": name,
        "borrower": borrower,
        "cycle_days": random.choice([30, 31, 7, 15, 45, None]),
        "disbursed_on": begin,
        "closed_on": None,
        "paid_in_full_on": None,
        "observed_until": begin + dt.timedelta(days=200)
        if random.random() < 0.1
        else None,
    }


def _instalments(
    random: np.random.Generator, loan: dict[str, Any], lateness: float
) -> list[dict[str, Any]]:
    step = int(loan["cycle_days"] or 30)
    found = []
    for number in range(1, int(random.integers(2, 14))):
        due = loan["disbursed_on"] + dt.timedelta(days=step * number)
        wait = int(random.geometric(0.04)) if random.random() < lateness else 0
        early = int(random.integers(0, 5)) if wait == 0 else 0
        settled = due + dt.timedelta(days=wait - early)
        found.append({"loan": loan["loan"], "due_on": due, "settled_on": settled})
    if random.random() < 0.15:
        for row in found[len(found) // 2 :]:
            row["settled_on"] = None
    return found


def _close(
    random: np.random.Generator, loan: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    open_ones = [row for row in rows if row["settled_on"] is None]
    if not open_ones:
        loan["closed_on"] = max(row["settled_on"] for row in rows)
    elif random.random() < 0.7:
        # Charged off, or paid in full with instalments left open.
        loan["closed_on"] = open_ones[0]["due_on"] + dt.timedelta(days=100)
        if random.random() < 0.3:
            loan["paid_in_full_on"] = loan["closed_on"]


def write_lender(settings: Settings, lender: Lender, *, renumber: int = 0) -> None:
    """Write the tables that grades are made of, as a build of the warehouse does."""
    loans = lender.loans.copy()
    # Numbers hold within one build of the warehouse only.
    numbers = {key: n for n, key in enumerate(sorted(set(loans["borrower"])), renumber)}
    loans["borrower_no"] = loans["borrower"].map(numbers)
    loans["loan_no"] = range(renumber, renumber + len(loans))
    rows = lender.instalments.merge(loans[["loan", "loan_no"]], on="loan")
    with connect(settings) as connection:
        ensure_tables(connection)
        for schema in ("intermediate", "marts"):
            connection.execute(f"create schema if not exists {schema}")
        for name, frame in (("loans_given", loans), ("rows_given", rows)):
            connection.register(name, frame.astype("string"))
        connection.execute(_TABLES)
        connection.execute(
            """
            create or replace table audit.build_request as
            select ?::date as month, ?::date as horizon, null::date as build_from,
                '' as logic_hash, true as is_built, 'made' as run_id
            """,
            [LAST_MONTH, LAST_MONTH],
        )


_TABLES = """
    create or replace table intermediate.int_loan as
    select loan_no::integer as loan_no, borrower_no::integer as borrower_no,
        loan as loan_key, borrower as borrower_key, cycle_days::integer as cycle_days,
        disbursed_on::date as disbursed_on, observed_until::date as observed_until
    from loans_given;
    create or replace table intermediate.int_loan_life as
    select loan_no::integer as loan_no, borrower_no::integer as borrower_no,
        disbursed_on::date as disbursed_on, closed_on::date as closed_on,
        paid_in_full_on::date as paid_in_full_on
    from loans_given;
    create or replace table intermediate.int_instalment as
    select loan_no::integer as loan_no, due_on::date as due_on,
        settled_on::date as settled_on
    from rows_given;
    create or replace table marts.dim_borrower as
    select distinct borrower as borrower_key from loans_given;
"""


def build(settings: Settings, month: dt.date, run_id: str = "made") -> GradeReport:
    """Grade up to a month."""
    return build_grades(settings, run_id=run_id, month=month, tell=lambda _: None)


def read(settings: Settings, query: str) -> pd.DataFrame:
    """Rows of the warehouse."""
    with connect(settings, read_only=True) as connection:
        return connection.execute(query).df()


def settings_in(folder: Path, **changed: Any) -> Settings:
    """Settings of a home of the test's own."""
    return Settings(portfolio="simulated", home=folder, **changed)
