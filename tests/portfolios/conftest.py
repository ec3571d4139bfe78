"""The real portfolios, each landed and built once for all tests that read it.

A test module names its portfolio in ``PORTFOLIO``; what it expects is computed with
pandas from the files as they were published, never read from the warehouse.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import duckdb
import pandas as pd
import pytest
from tests.portfolios.published import PUBLISHED, require_published

from comove.audit import open_run
from comove.home import write_secret
from comove.landing import land
from comove.portfolio import load_portfolio
from comove.settings import Settings
from comove.warehouse import build, connect

# Borrowers fall into parts by their keys: figures of a test are the same in every run.
ID_KEY = "5" * 64

BuildOnce = Callable[[str], Settings]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> BuildOnce:
    """Land and build a portfolio on first use."""

    @cache
    def built(portfolio: str) -> Settings:
        settings = Settings(
            portfolio=portfolio,
            home=tmp_path_factory.mktemp(portfolio),
            data=PUBLISHED / portfolio,
        )
        settings.places.make()
        write_secret(settings.places.root / "secrets" / "id_key", ID_KEY)
        month = load_portfolio(portfolio).last_month
        assert isinstance(month, dt.date)
        open_run(settings, run_id="portfolio_test", dag_id="warehouse", month=month)
        land(settings, run_id="portfolio_test")
        build(settings, run_id="portfolio_test", month=month)
        return settings

    return built


@pytest.fixture(scope="module")
def portfolio(request: pytest.FixtureRequest) -> str:
    """Name of the module's portfolio."""
    name = request.module.PORTFOLIO
    assert isinstance(name, str)
    require_published(name)
    return name


@pytest.fixture(scope="module")
def warehouse(
    portfolio: str, build_once: BuildOnce
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The built warehouse, to read."""
    with connect(build_once(portfolio), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def query(warehouse: duckdb.DuckDBPyConnection) -> Query:
    """All rows of a query on the built warehouse."""
    return lambda sql: warehouse.execute(sql).fetchall()


@pytest.fixture(scope="module")
def published(portfolio: str) -> dict[str, pd.DataFrame]:
    """The published files as text, by name up to the first point."""
    return {
        file.name.split(".")[0]: pd.read_csv(file, dtype=str, keep_default_na=False)
        for file in (PUBLISHED / portfolio).glob("*.csv.gz")
    }
