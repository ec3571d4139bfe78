"""The documentation site describes every table that comove makes beside dbt."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest
from tests.dbt.described import undescribed

import comove
from comove.warehouse.window import request_build

FILES = sorted(Path(comove.__file__).parent.glob("*/tables.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_every_column_that_a_stage_creates_is_described(file: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(file.read_text())
        assert undescribed(connection) == []


def test_every_column_of_a_build_request_is_described() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema audit")
        request_build(
            connection, month=dt.date(2024, 6, 1), full_refresh=True, logic="of the test"
        )
        assert undescribed(connection) == []
