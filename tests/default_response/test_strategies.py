"""The seed of strategies: what it may say, and that the one delivered says it."""

import csv
import math

import duckdb
import pytest
from tests.default_response.small_bank import SEED

from comove.default_response.scratch import ResponseError
from comove.default_response.strategies import read_strategies
from comove.home import project_root


@pytest.fixture
def seed() -> duckdb.DuckDBPyConnection:
    """A warehouse with the seed alone."""
    connection = duckdb.connect()
    connection.execute("create schema risk")
    connection.execute(SEED)
    return connection


def test_strategies_come_in_the_order_of_their_intervals(seed) -> None:
    found = read_strategies(seed)
    assert [(one.strategy, one.index_from, one.index_to) for one in found] == [
        ("lending_control", 1.25, 2.0),
        ("collection", 2.0, 4.0),
        ("freeze", 4.0, math.inf),
    ]


def test_the_seed_delivered_has_the_intervals_of_the_design() -> None:
    file = project_root() / "dbt_project" / "seeds" / "risk_strategies.csv"
    with file.open(newline="") as stream:
        rows = [
            (r["strategy"], r["index_from"], r["index_to"])
            for r in csv.DictReader(stream)
        ]
    assert rows == [
        ("lending_control", "1.25", "2"),
        ("collection", "2", "4"),
        ("freeze", "4", ""),
    ]


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("set strategy = 'hope' where index_from = 2", "'hope' from index 2 is none of"),
        ("set index_to = 2 where index_from = 2", "empty interval"),
        ("set index_to = 2.5 where index_from = 1.25", "begins before 'lending_control'"),
        ("set index_to = null where index_from = 2", "begins before 'collection'"),
        ("set min_joint_probability = 1.2 where index_from = 4", "no probability"),
        ("set contacts_per_week = null where index_from = 2", "raises no frequency"),
        ("set contacts_per_week = 0 where index_from = 2", "raises no frequency"),
        ("set limit_factor = null where index_from = 1.25", "has no limit_factor"),
        ("set limit_factor = 1 where index_from = 2", r"outside of \[0, 1\)"),
        ("set valid_months = null where index_from = 2", "for how many months"),
        ("set scope = 'town' where index_from = 2", "none of region, industry, both"),
    ],
)
def test_a_row_that_cannot_be_obeyed_is_named(
    seed: duckdb.DuckDBPyConnection, statement: str, sentence: str
) -> None:
    seed.execute(f"update risk.risk_strategies {statement}")
    with pytest.raises(ResponseError, match=sentence):
        read_strategies(seed)


def test_a_seed_that_was_not_loaded_says_which_task_loads_it() -> None:
    with pytest.raises(ResponseError, match="task `load_strategies`"):
        read_strategies(duckdb.connect())
