"""A lender with a folder of files, landed into a warehouse of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from comove.connection import connect
from comove.landing import LandingReport, land
from comove.settings import Settings

HEADER = "loan_id,borrower_id,principal,disbursed_on"


class Lender:
    """Writes files, lands them, looks at what landed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runs = 0

    def path(self, name: str) -> Path:
        path = self.settings.data_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.path(name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def loans(self, *lines: str, name: str = "loans/a.csv", header: str = HEADER) -> Path:
        return self.write(name, "\n".join([header, *lines]) + "\n")

    def parquet(self, name: str, query: str) -> Path:
        path = self.path(name)
        duckdb.connect().execute(f"copy ({query}) to '{path}' (format parquet)")
        return path

    def land(self) -> LandingReport:
        self.runs += 1
        return land(self.settings, run_id=f"r{self.runs}")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with connect(self.settings) as connection:
            return connection.execute(sql).fetchall()

    def landed(self, columns: str = "loan_id, _row") -> list[tuple[Any, ...]]:
        return self.query(
            f"select {columns} from raw.contract__loans__text order by _row"
        )

    def delivery(self, columns: str = "status, rule, reason") -> tuple[Any, ...]:
        found = self.query(f"select {columns} from audit.delivery order by landed_at")
        return found[-1]

    def unreadable(self) -> list[tuple[Any, ...]]:
        return self.query(
            "select row_number, rule, reason, raw from audit.unreadable_row order by all"
        )


@pytest.fixture
def lender(settings: Settings) -> Lender:
    return Lender(settings)


@pytest.fixture
def make_lender(make_settings: Callable[..., Settings]) -> Callable[..., Lender]:
    def make(**given: Any) -> Lender:
        return Lender(make_settings(**given))

    return make
