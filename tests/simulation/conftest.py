"""Two small lenders, alike but for the dirt."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from comove.settings import Settings
from comove.simulation import simulate

ENTITIES = (
    "borrowers",
    "applications",
    "loans",
    "repayments",
    "loan_events",
    "collections",
    "transactions",
    "credit_limits",
    "business_adjustments",
)


def open_files(home: Path) -> duckdb.DuckDBPyConnection:
    """Typed files of a home as views, truth prefixed with ``true_``."""
    connection = duckdb.connect()
    for name in ENTITIES:
        files = home / "landing" / name / "part-*.parquet"
        connection.execute(f"create view {name} as from '{files}'")
    for name in ("borrower", "borrower_month", "application", "loan", "overdue"):
        files = home / "truth" / name / "*.parquet"
        connection.execute(f"create view true_{name} as from '{files}'")
    for name in ("dirty_rows", "loading", "factor_path", "score_drift", "contagion"):
        file = home / "truth" / f"{name}.parquet"
        connection.execute(f"create view true_{name} as from '{file}'")
    return connection


@pytest.fixture(scope="session")
def clean_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a lender without dirty rows."""
    home = tmp_path_factory.mktemp("clean")
    simulate(Settings(home=home), borrowers=8_000, dirty=False)
    return home


@pytest.fixture(scope="session")
def dirty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of the same lender with dirty rows."""
    home = tmp_path_factory.mktemp("dirty")
    simulate(Settings(home=home), borrowers=8_000)
    return home


@pytest.fixture
def clean(clean_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The clean lender's files."""
    with open_files(clean_home) as connection:
        yield connection


@pytest.fixture
def dirty(dirty_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The dirty lender's files."""
    with open_files(dirty_home) as connection:
        yield connection
