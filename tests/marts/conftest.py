"""One random lender, landed and built once for all tests of the marts."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from tests.marts.lender import HORIZON, Tables, deliver, random_lender

from comove.connection import connect
from comove.landing import land
from comove.settings import Settings
from comove.warehouse import build

SEED = 20_241_122


@dataclass(frozen=True)
class Built:
    """A lender's rows and the warehouse made of them."""

    tables: Tables
    settings: Settings

    def read(self, sql: str) -> pd.DataFrame:
        """Rows of a query on the warehouse."""
        with connect(self.settings, read_only=True) as connection:
            return connection.execute(sql).df()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The random lender, every month built at once."""
    home = tmp_path_factory.mktemp("marts") / "home"
    settings = Settings(portfolio="contract", home=home)
    tables = random_lender(SEED)
    deliver(tables, settings.data_folder, "all")
    land(settings, run_id="all")
    build(settings, run_id="all", month=HORIZON)
    return Built(tables, settings)


@pytest.fixture
def warehouse_copy(built: Built, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A copy of the warehouse to write into, under the same name."""
    copy = tmp_path / built.settings.places.warehouse.name
    copy.write_bytes(built.settings.places.warehouse.read_bytes())
    return duckdb.connect(str(copy))
