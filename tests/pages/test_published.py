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


@pytest.mark.parametrize("most_ordered", [10_000, 0])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_follow_on_from_each_other_however_far_down(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most_ordered: int,
    descending: bool,
) -> None:
    """Ties keep the table's order, nulls are last; against Python's stable sort."""
    monkeypatch.setattr("comove.pages.published.MOST_ROWS_ORDERED", most_ordered)
    monkeypatch.setattr("comove.pages.published.SHALLOW_ROWS", 1_000)
    values = [None if k % 7 == 0 else (k * 37) % 11 for k in range(2_500)]
    file = tmp_path / "copy.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute("create schema risk")
        connection.execute(
            "create table risk.score as select unnest(range(2500)) as place, "
            "unnest(?::integer[]) as score",
            [values],
        )
    published = Published(file)
    found = [
        row[0]
        for page in range(1, 14)
        for row in published.rows(
            Request(
                "risk.score", sort="score", descending=descending, page=page, size=200
            )
        ).rows
    ]
    known = [k for k, value in enumerate(values) if value is not None]
    known.sort(key=lambda k: (values[k] or 0) * (-1 if descending else 1))
    assert found == known + [k for k, value in enumerate(values) if value is None]
    assert published.rows(Request("risk.score", page=99)).rows == []
