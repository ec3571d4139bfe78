"""Applications to decide by hand, and the policy the tests decide by."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb

from comove.decision.policy import Policy
from comove.decision.rules import apply_rules
from comove.decision.tables import ensure_decision_tables
from comove.default_response.tables import ensure_response_tables

DAY = dt.date(2024, 6, 10)
NOON = dt.datetime(2024, 6, 10, 12)

STRATEGIES = (
    ("weak", None, 600.0, "small", None, 2.0, "watched", 0.5, False),
    ("weak", None, 600.0, "large", 2.0, None, "secured", 0.3, True),
    ("good", 600.0, None, "small", None, 2.0, "instant", 1.0, False),
    ("good", 600.0, None, "large", 2.0, None, "standard", 1.0, False),
)
POLICY = Policy(
    min_probability=0.8,
    uncertain_margin=0.02,
    income_months=3.0,
    max_growth=2.0,
    step_amount=10.0,
    unit_amount=1000.0,
    strategies=STRATEGIES,
)
# Admitted as asked: 1,500 of 3 x 1,000, a probability well above.
PLAIN: dict[str, Any] = {
    "application_key": "a",
    "as_of": DAY,
    "borrower_key": "b",
    "former_borrower_key": None,
    "cohort_month": DAY.replace(day=1),
    "kind": "person",
    "region": "north",
    "industry": "retail",
    "age_band": "30 to 44",
    "is_existing_borrower": False,
    "identity_status": "own",
    "contradiction": None,
    "requested_amount": 1500.0,
    "monthly_income": 1000.0,
    "monthly_inflow": None,
    "largest_repaid": None,
    "open_principal": 0.0,
    "admission_probability": 0.95,
    "admission_source": "application score",
    "admission_reasons": '["age: low"]',
    "score": 620.0,
    "model_version": "m1",
    "limit_estimate": 1800.0,
    "limit_version": "l1",
    "run_id": "r",
    "estimated_at": NOON,
}
# control_id, region, industry, strategy, factor, from, to, event, written
Rule = tuple[str, str | None, str | None, str, float, dt.date, dt.date, str, dt.datetime]


def rule(
    name: str = "c1",
    region: str | None = "north",
    industry: str | None = "retail",
    factor: float = 0.5,
    valid: tuple[dt.date, dt.date] = (dt.date(2024, 6, 1), dt.date(2024, 8, 31)),
    written_at: dt.datetime = dt.datetime(2024, 6, 2),
) -> Rule:
    kind = "reject" if factor == 0 else "reduce"
    return (name, region, industry, kind, factor, *valid, f"event {name}", written_at)


def open_tables() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    ensure_decision_tables(connection)
    ensure_response_tables(connection)
    return connection


def write_rules(connection: duckdb.DuckDBPyConnection, rules: tuple[Rule, ...]) -> None:
    for one in rules:
        connection.execute(
            """
            insert into risk.lending_control
            select $1, $2, $3, $4, $5, $6, $7, $8, 'lending_control', 5, 'r', $9
            """,
            list(one),
        )


def write_input(connection: duckdb.DuckDBPyConnection, **given: Any) -> None:
    row = PLAIN | given
    connection.execute(
        f"insert into risk.decision_input ({', '.join(row)}) "
        f"values ({', '.join('?' * len(row))})",
        list(row.values()),
    )


def decided(
    *,
    rules: tuple[Rule, ...] = (),
    policy: Policy = POLICY,
    known_until: dt.datetime = NOON,
    **given: Any,
) -> dict[str, Any]:
    """Decide one application; its row of ``decided`` as a dictionary."""
    return decided_all([given], rules=rules, policy=policy, known_until=known_until)[0]


def decided_all(
    cases: list[dict[str, Any]],
    *,
    rules: tuple[Rule, ...] = (),
    policy: Policy = POLICY,
    known_until: dt.datetime = NOON,
) -> list[dict[str, Any]]:
    """Decide many at once, in their order."""
    with open_tables() as connection:
        write_rules(connection, rules)
        for n, given in enumerate(cases):
            write_input(connection, **{"application_key": f"{n:06}"} | given)
        connection.execute(
            "create temp table asked as select application_key, as_of, "
            "?::timestamp as known_until from risk.decision_input",
            [known_until],
        )
        apply_rules(connection, policy, inputs="risk.decision_input")
        cursor = connection.execute("from decided order by application_key")
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
