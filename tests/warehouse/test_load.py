"""What a Parquet file must be like to be loaded, whatever its table."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from comove.connection import connect
from comove.settings import Settings
from comove.warehouse.load import Load, LoadError, check_load, replace_rows

MONTHS = {"last": dt.date(2024, 6, 1)}
LOAD = Load(
    file="rows.parquet",
    table="risk.part",
    key=("name",),
    replaced="month = $last",
    faults={"a month of another run": "month != $last", "too much": "amount > 9"},
)
TABLE = """
    create schema risk;
    create table risk.part (name varchar not null, month date not null, amount double);
    insert into risk.part values ('old', '2024-06-01', 1), ('earlier', '2024-05-01', 2)
"""


def load(settings: Settings, query: str) -> list[tuple[object, ...]]:
    """Check and load the rows of a query, and give what the table then holds."""
    folder = settings.places.scratch
    folder.mkdir(parents=True)
    duckdb.sql(query).write_parquet(str(folder / LOAD.file))
    with connect(settings) as connection:
        connection.execute(TABLE)
        check_load(connection, folder, LOAD, MONTHS)
        replace_rows(connection, folder, LOAD, MONTHS)
        return connection.execute("from risk.part order by name").fetchall()


def test_rows_of_the_month_are_replaced_and_others_stay(settings: Settings) -> None:
    # By name: the file's columns stand in another order, and one may be left out.
    assert load(settings, "select date '2024-06-01' as month, 'new' as name") == [
        ("earlier", dt.date(2024, 5, 1), 2.0),
        ("new", dt.date(2024, 6, 1), None),
    ]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("select 'a' as name", "no column month, which risk.part needs"),
        (
            "select 'a' as name, date '2024-06-01' as month, 1 as extra",
            "a column extra, which risk.part does not have",
        ),
        (
            "select 'a' as name, date '2024-06-01' as month from range(3)",
            "2 rows that repeat name of another",
        ),
        (
            "select 'a' as name, date '2024-07-01' as month",
            "1 rows with a month of another run",
        ),
        (
            "select 'a' as name, date '2024-06-01' as month, 10 as amount",
            "1 rows with too much",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    settings: Settings, query: str, sentence: str
) -> None:
    with pytest.raises(LoadError, match=sentence):
        load(settings, query)


def test_a_file_that_is_no_parquet_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / LOAD.file).write_text("no rows")
    with connect(settings) as connection:
        connection.execute(TABLE)
        with pytest.raises(LoadError, match=r"rows\.parquet.*cannot be read"):
            check_load(connection, tmp_path, LOAD, MONTHS)
