"""The published copy under readers: swapped while it is read, and read as it is."""

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from comove.pages.published import NotPublishedError, Published, Request, plain


def copy(file: Path, rows: int) -> Path:
    fresh = file.with_suffix(".fresh")
    with duckdb.connect(fresh) as connection:
        connection.execute("create schema risk")
        connection.execute(f"create table risk.score as from range({rows}) as t (score)")
    os.replace(fresh, file)
    return file


def test_a_new_copy_is_read_while_somebody_reads_the_old(tmp_path: Path) -> None:
    published = Published(copy(tmp_path / "copy.duckdb", 3))
    with published.cursor() as old:
        copy(tmp_path / "copy.duckdb", 5)
        assert published.rows(Request("risk.score")).total == 5
        assert old.execute("select count(*) from risk.score").fetchall() == [(3,)]


def test_nothing_is_written(tmp_path: Path) -> None:
    published = Published(copy(tmp_path / "copy.duckdb", 3))
    with (
        published.cursor() as cursor,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        cursor.execute("drop table risk.score")


def test_a_table_that_is_not_published_is_named(tmp_path: Path) -> None:
    published = Published(copy(tmp_path / "copy.duckdb", 3))
    with pytest.raises(NotPublishedError, match=r"risk\.nothing"):
        published.rows(Request("risk.nothing"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (Decimal("1.50"), 1.5),
        (dt.date(2024, 6, 1), "2024-06-01"),
        (["a", 1], '["a", 1]'),
        (b"\x01", "01"),
        (None, None),
    ],
)
def test_values_are_what_json_can_hold(value: object, expected: object) -> None:
    assert plain(value) == expected
