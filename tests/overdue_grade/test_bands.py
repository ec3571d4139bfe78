"""The seed of bands holds every composite once, and bands that do not are found out."""

import re

import duckdb
import pandas as pd
import pytest
from jinja2 import Environment
from tests.overdue_grade.lender import SEED
from tests.overdue_grade.plain import bands_of, grade_of

from comove.home import project_root

FILE = project_root() / "dbt_project" / "macros" / "overdue_grade" / "bands_test.sql"
Bands = list[tuple[int, int | None]]


def test_the_seed_grades_every_whole_day_and_every_edge() -> None:
    bands = bands_of(pd.read_csv(SEED))
    letters = [grade_of(days / 10, bands) for days in range(20_000)]
    assert letters == sorted(letters)
    assert list(dict.fromkeys(letters)) == ["A", "B", "C", "D", "E", "F"]


@pytest.mark.parametrize(
    ("composite", "grade"),
    [(0, "A"), (4.999999, "A"), (5, "B"), (30, "D"), (89.9999, "E"), (90, "F")],
)
def test_a_band_begins_with_its_edge(composite: float, grade: str) -> None:
    assert grade_of(composite, bands_of(pd.read_csv(SEED))) == grade


def _found_out(bands: Bands) -> int:
    """Rows that the data test of the seed returns."""
    body = re.sub(r"{%-? (end)?test.*?%}", "", FILE.read_text())
    template = Environment().from_string(body)  # noqa: S701 - SQL of ours
    sql = template.render(model="bands", band_from="begin", band_to="ends")
    connection = duckdb.connect()
    connection.execute("create table bands (begin integer, ends integer)")
    if bands:
        connection.executemany("insert into bands values (?, ?)", bands)
    return len(connection.execute(sql).fetchall())


def test_the_seed_passes_its_data_test() -> None:
    seed = pd.read_csv(SEED, dtype="Int64", usecols=[1, 2])
    bands = [(int(begin), None if pd.isna(end) else int(end))
             for begin, end in seed.itertuples(index=False)]  # fmt: skip
    assert _found_out(bands) == 0


@pytest.mark.parametrize(
    "bands",
    [
        pytest.param([], id="none"),
        pytest.param([(1, 5), (5, None)], id="nothing for 0 days"),
        pytest.param([(0, 5), (6, None)], id="a gap"),
        pytest.param([(0, 6), (5, None)], id="an overlap"),
        pytest.param([(0, 5), (5, 9)], id="an end"),
        pytest.param([(0, None), (5, None)], id="no end in the middle"),
    ],
)
def test_gaps_and_overlaps_are_found_out(bands: Bands) -> None:
    assert _found_out(bands) > 0
