"""What was lost by limit band, against a table worked by hand."""

import datetime as dt
from collections.abc import Iterator

import duckdb
import pytest

from comove.decision.report_facts import LOSSES

DAY = dt.date
# Application: limit band, limit, refused at, turned out bad.
DECIDED = [
    ("good", "small", 1000, None, False),
    ("charged", "small", 500, None, True),
    ("fraud", "small", 400, None, True),
    ("undated", "medium", 600, None, True),
    ("open", "large", 4000, None, True),
    ("late", "large", 4000, None, False),
    ("young", "large", 4000, None, None),
    ("unjudged", "large", 4000, "no model", True),
    ("refused", None, 0, "admission", True),
    ("july", "large", 4000, None, True),
]
# Loan: lent, day of its event, day it closed, how, owed at the end of the last month.
LENT = [
    ("good", 1000, None, None, None, 200),
    ("charged", 1000, DAY(2024, 3, 10), DAY(2024, 6, 15), "charge_off", 0),
    ("fraud", 400, DAY(2024, 1, 20), DAY(2024, 1, 25), "charge_off", 0),
    ("undated", 600, None, None, None, 600),
    ("open", 2000, DAY(2024, 3, 5), None, None, 900),
    ("late", 2000, DAY(2024, 4, 5), DAY(2024, 5, 5), "paid_in_full", 0),
    ("young", 2000, DAY(2024, 7, 5), None, None, 2000),
    ("unjudged", 2000, DAY(2024, 7, 5), None, None, 2000),
    ("refused", 2000, DAY(2024, 7, 5), None, None, 2000),
    ("july", 2000, DAY(2024, 7, 5), None, None, 2000),
]
# Owed at month ends; the month a loan closes in shows nothing.
OWED = [
    ("charged", DAY(2024, 2, 1), 800),
    ("charged", DAY(2024, 3, 1), 790),
    ("charged", DAY(2024, 5, 1), 750),
    ("charged", DAY(2024, 6, 1), 0),
    ("fraud", DAY(2024, 1, 1), 0),
    ("open", DAY(2024, 2, 1), 1200),
    ("open", DAY(2024, 3, 1), 1100),
    ("late", DAY(2024, 3, 1), 1500),
    ("good", DAY(2024, 8, 1), 200),
]
RECOVERED = [
    ("charged", DAY(2024, 7, 1), "recovered", 150),
    # After the last month: nobody knows it yet.
    ("charged", DAY(2024, 9, 1), "recovered", 600),
    # More than the principal: interest as well.
    ("fraud", DAY(2024, 7, 1), "recovered", 500),
    ("charged", DAY(2024, 6, 15), "charge_off", 770),
]
SCHEMA = """
    create schema risk;
    create schema marts;
    create table risk.credit_decision (
        application_key varchar, limit_band varchar, credit_limit double,
        refused_at varchar, cohort_month date
    );
    create table risk.decision_case (application_key varchar, is_bad boolean);
    create table marts.fct_loan (
        loan_key varchar, application_key varchar, principal decimal(18, 2),
        event_on date, closed_on date, exit_reason varchar, exposure decimal(18, 2)
    );
    create table marts.fct_loan_month (
        loan_key varchar, month date, exposure decimal(18, 2)
    );
    create table marts.fct_loan_event (
        loan_key varchar, occurred_on date, kind varchar, amount decimal(18, 2)
    );
"""


@pytest.fixture
def lent() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(SCHEMA)
        for name, band, limit, refused_at, is_bad in DECIDED:
            month = DAY(2024, 7, 1) if name == "july" else DAY(2024, 1, 1)
            connection.execute(
                "insert into risk.credit_decision values (?, ?, ?, ?, ?)",
                [name, band, limit, refused_at, month],
            )
            connection.execute(
                "insert into risk.decision_case values (?, ?)", [name, is_bad]
            )
        for name, *rest in LENT:
            connection.execute(
                "insert into marts.fct_loan values (?, ?, ?, ?, ?, ?, ?)",
                [f"loan of {name}", name, *rest],
            )
        for table, rows in (("fct_loan_month", OWED), ("fct_loan_event", RECOVERED)):
            for name, *rest in rows:
                marks = ", ".join("?" for _ in rest)
                connection.execute(
                    f"insert into marts.{table} values (?, {marks})",
                    [f"loan of {name}", *rest],
                )
        yield connection


def losses(lent: duckdb.DuckDBPyConnection, columns: str) -> list[tuple[object, ...]]:
    query = LOSSES.format(month="date '2024-06-01'")
    return lent.execute(f"select {columns} from ({query})").fetchall()


def test_losses_by_limit_band_are_those_worked_by_hand(
    lent: duckdb.DuckDBPyConnection,
) -> None:
    found = losses(lent, "limit_band, loans, lent, events, unpaid_then, unpaid")
    assert found == [
        # 800 and 400 owed before the events; 750 charged off less 150, and nothing.
        ("small", 3, 2400, 2, 1200, 600),
        # Nobody tells when it turned bad, so nobody knows what it owed.
        ("medium", 1, 600, 0, None, None),
        # 1,200 and 1,500; one still owes 900, the other has paid.
        ("large", 2, 4000, 2, 2700, 900),
    ]


def test_within_limits_each_loan_loses_the_same_share(
    lent: duckdb.DuckDBPyConnection,
) -> None:
    found = losses(lent, "would_lend, would_lend_bad, would_lose")
    # Of 1,000 only 500 within the limit: half of the 600. A limit above what was lent
    # lets out no more than that.
    assert found == [(1900, 900, 300), (600, 600, None), (4000, 2000, 900)]
