"""Capacity, rating, status and strategy: a table worked by hand, and plain Python."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.overdue.plain import CENT, Case, Strategy, decide
from tests.overdue.rendered import decision_sql

from comove.connection import literal
from comove.home import project_root

SEED = project_root() / "dbt_project" / "seeds" / "collection_strategies.csv"


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema risk")
        connection.execute(
            f"create table risk.collection_strategies as from read_csv({literal(SEED)})"
        )
        connection.execute(
            """
            create table cases (
                borrower_key integer, as_of date, overdue_amount decimal(18, 2),
                days_overdue integer, liquid_assets double, fixed_assets double
            );
            create table risk.overdue_probability (
                borrower_key integer, as_of date, repaid_probability double,
                recovery_share double, model_version varchar, model_reasons varchar
            )
            """
        )
        yield connection


def strategies(connection: duckdb.DuckDBPyConnection) -> list[Strategy]:
    rows = connection.execute(
        """
        select strategy, rating, amount_from, amount_to, contacts_per_week, weeks,
            cost_per_contact, max_cost_share
        from risk.collection_strategies
        """
    ).fetchall()
    return [Strategy(*row) for row in rows]


def decided(
    connection: duckdb.DuckDBPyConnection, cases: Sequence[Case], columns: str
) -> list[tuple[object, ...]]:
    """Columns of the decisions of cases, in their order."""
    connection.execute("delete from cases; delete from risk.overdue_probability")
    connection.executemany(
        "insert into cases values (?, '2024-03-31', ?, 31, ?, ?)",
        [[i, one.overdue, one.liquid, one.fixed] for i, one in enumerate(cases)],
    )
    said = [
        [i, one.probability, one.share]
        for i, one in enumerate(cases)
        if one.probability is not None
    ]
    if said:
        connection.executemany(
            "insert into risk.overdue_probability "
            "values (?, '2024-03-31', ?, ?, 'm', '[\"refusals: high\"]')",
            said,
        )
    return connection.execute(
        f"select {columns} from ({decision_sql('cases')}) order by borrower_key"
    ).fetchall()


def money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


# (liquid + fixed - overdue) / overdue, worked by hand.
BY_HAND = [
    pytest.param("1000", "1500", "500", "assessed", 1.0, "low", id="exactly 1"),
    pytest.param("1100.10", "1100.10", "1100.10", "assessed", 1.0, "low", id="cents"),
    pytest.param("1000", "1500", "499.99", "assessed", 0.99999, "medium", id="below 1"),
    pytest.param("1000", "1500", "0", "assessed", 0.5, "medium", id="exactly a half"),
    pytest.param("1000", "1499.99", "0", "assessed", 0.49999, "high", id="below a half"),
    pytest.param("1000", "1000", "0", "assessed", 0.0, "high", id="zero"),
    pytest.param("1000", "100", "0", "assessed", -0.9, "high", id="below zero"),
    pytest.param("1000", "0", "0", "assessed", -1.0, "high", id="no assets at all"),
    pytest.param("1000", None, "9000", "insufficient_data", None, None, id="no liquid"),
    pytest.param("1000", "9000", None, "insufficient_data", None, None, id="no fixed"),
    pytest.param("1000", None, None, "insufficient_data", None, None, id="neither"),
]


@pytest.mark.parametrize(
    ("overdue", "liquid", "fixed", "status", "capacity", "rating"), BY_HAND
)
def test_capacity_and_rating_are_those_worked_by_hand(
    warehouse: duckdb.DuckDBPyConnection,
    overdue: str,
    liquid: str | None,
    fixed: str | None,
    status: str,
    capacity: float | None,
    rating: str | None,
) -> None:
    case = Case(Decimal(overdue), money(liquid), money(fixed), 0.9)
    found = decided(warehouse, [case], "status, repayment_capacity, rating")
    assert found == [(status, capacity, rating)]


def test_nothing_overdue_has_no_capacity(warehouse: duckdb.DuckDBPyConnection) -> None:
    case = Case(Decimal(0), Decimal(500), Decimal(500), 0.9)
    found = decided(warehouse, [case], "repayment_capacity, rating, collection_strategy")
    assert found == [(None, None, None)]


@pytest.mark.parametrize(
    ("probability", "status", "is_target"),
    [
        (0.5, "assessed", True),
        (0.4999, "not_target", False),
        (None, "not_available", None),
    ],
)
def test_only_the_target_type_is_rated(
    warehouse: duckdb.DuckDBPyConnection,
    probability: float | None,
    status: str,
    is_target: bool | None,
) -> None:
    case = Case(Decimal(100), Decimal(500), Decimal(500), probability)
    columns = "status, is_target_type, rating is null"
    assert decided(warehouse, [case], columns) == [
        (status, is_target, status != "assessed")
    ]


def test_the_target_may_be_the_type_that_does_not_repay(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    decided(warehouse, [Case(Decimal(100), Decimal(1), Decimal(1), 0.2)], "status")
    sql = decision_sql("cases", overdue_target_type="unrecoverable")
    found = warehouse.execute(f"select type_probability, status from ({sql})").fetchall()
    assert found == [(0.8, "assessed")]


@pytest.mark.parametrize(
    ("overdue", "share", "strategy", "cost"),
    [
        # urgent_calls: 3 x 8 x 4 = 96 for at most 20 % of what is expected.
        ("600", 0.8, "urgent_calls", 96.0),
        ("600", 0.79, "urgent_messages", 1.8),
        # urgent_messages: 3 x 6 x 0.1 = 1.80.
        ("600", 0.016, "urgent_messages", 1.8),
        ("600", 0.014, "none", 0.0),
        ("8.99", 1.0, "none", 0.0),
    ],
)
def test_a_strategy_that_costs_more_than_it_brings_gives_way(
    warehouse: duckdb.DuckDBPyConnection,
    overdue: str,
    share: float,
    strategy: str,
    cost: float,
) -> None:
    case = Case(Decimal(overdue), Decimal(0), Decimal(0), 0.9, share)
    ((name, planned),) = decided(warehouse, [case], "collection_strategy, planned_cost")
    assert (name, planned) == (strategy, pytest.approx(cost))


def test_every_decision_says_why(warehouse: duckdb.DuckDBPyConnection) -> None:
    cases = [
        Case(Decimal(100), Decimal(500), Decimal(0), 0.2),
        Case(Decimal(100), None, Decimal(0), 0.9),
        Case(Decimal(600), Decimal(0), Decimal(0), 0.9, 0.1),
    ]
    assert decided(warehouse, cases, "reason_codes::json::varchar[]") == [
        (
            [
                "not of the target type: the overdue amount is not likely to be repaid "
                "in time",
                "refusals: high",
            ],
        ),
        (["liquid assets are not known"],),
        (
            [
                "assets do not cover the overdue amount",
                "the strategy of the rating costs more than it may bring: urgent_calls",
            ],
        ),
    ]


amounts = st.decimals(min_value=0, max_value=20_000, places=2)
cases = st.lists(
    st.builds(
        Case,
        overdue=st.decimals(min_value=CENT, max_value=10_000, places=2),
        liquid=st.none() | amounts,
        fixed=st.none() | amounts,
        probability=st.none() | st.sampled_from([0.1, 0.4999, 0.5, 0.75, 0.99]),
        share=st.sampled_from([0.001, 0.03, 0.3, 0.7, 0.95]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(cases=cases)
def test_decisions_equal_those_of_plain_python(
    warehouse: duckdb.DuckDBPyConnection, cases: list[Case]
) -> None:
    known = strategies(warehouse)
    found = decided(
        warehouse, cases, "status, repayment_capacity, rating, collection_strategy"
    )
    for row, case in zip(found, cases, strict=True):
        status, capacity, rating, strategy = decide(case, known)
        expected = None if capacity is None else pytest.approx(capacity, rel=1e-12)
        assert row == (status, expected, rating, strategy)


@settings(max_examples=10, deadline=None)
@given(cases=cases)
def test_no_strategy_costs_more_than_its_ceiling(
    warehouse: duckdb.DuckDBPyConnection, cases: list[Case]
) -> None:
    found = decided(warehouse, cases, "planned_cost, cost_ceiling, expected_recovery")
    for cost, ceiling, brings in found:
        if ceiling is not None:
            assert cost <= ceiling <= brings
