"""Every chart and table of the catalogue asks for columns that are there."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest
import yaml

from comove.audit.tables import ensure_tables
from comove.home import project_root
from comove.pages.catalogue import PAGES, Chart, Listing, Page
from comove.pages.overview import FIGURES, MONTHS_OF, WAITING

MONTHS = {"month": dt.date(2024, 6, 1), "before": dt.date(2024, 5, 1)}
# Beyond `x` and `y`.
NEEDED = {"heat": {"value"}, "interval": {"low", "high"}}
CHARTS = [chart for page in PAGES for chart in page.charts]
LISTINGS = [listing for page in PAGES for listing in page.listings]
BY_MONTH = [page for page in PAGES if page.months_of]


def described(folder: Path) -> dict[str, list[str]]:
    """Columns of every table the dbt project describes, those of sources too."""
    found: dict[str, list[str]] = {}
    for file in (*folder.glob("models/**/*.yml"), *folder.glob("seeds/**/*.yml")):
        # The safe loader in C: the one in Python takes ten times as long.
        said = yaml.load(file.read_text(), yaml.CSafeLoader) or {}
        tables = [*said.get("models", []), *said.get("seeds", [])]
        tables += [one for source in said.get("sources", []) for one in source["tables"]]
        for one in tables:
            columns = [column["name"] for column in one.get("columns", [])]
            found[one["name"]] = max(found.get(one["name"], []), columns, key=len)
    return found


@pytest.fixture(scope="module")
def columns() -> dict[str, list[str]]:
    return described(project_root() / "dbt_project")


@pytest.fixture(scope="module")
def copy(columns: dict[str, list[str]]) -> duckdb.DuckDBPyConnection:
    """Every table that the pages name, as it is described, without a row."""
    connection = duckdb.connect()
    ensure_tables(connection)
    used = {one.table for one in LISTINGS} | {one.table for one in WAITING}
    used |= {table for one in CHARTS for table in one.tables}
    used |= {table for one in FIGURES for table in one.tables}
    there = _names(connection)
    for table in sorted(used - there):
        schema, name = table.split(".")
        # Without a type a column takes any that is asked of it.
        row = ", ".join(f'null as "{column}"' for column in columns[name])
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"create view {table} as select {row} where false")
    return connection


def _names(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables"
    ).fetchall()
    return {row[0] for row in rows}


def run(connection: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """Names of the columns a query gives."""
    used = {name: day for name, day in MONTHS.items() if f"${name}" in sql}
    return {one[0] for one in connection.execute(sql, used or None).description}


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return run(connection, f"select * from {table}")


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_a_chart_gives_what_its_kind_needs(
    copy: duckdb.DuckDBPyConnection, chart: Chart
) -> None:
    assert {"x", "y"} | NEEDED.get(chart.kind, set()) <= run(copy, chart.sql)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_a_chart_names_the_tables_it_reads(chart: Chart) -> None:
    read = {word.strip("()") for word in chart.sql.split() if _is_table(word)}
    assert read == set(chart.tables)


def _is_table(word: str) -> bool:
    return word.strip("()").split(".")[0] in ("marts", "risk", "audit")


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.slug)
def test_a_table_has_the_columns_it_is_sorted_and_selected_by(
    copy: duckdb.DuckDBPyConnection, listing: Listing
) -> None:
    named = {listing.month, listing.order, listing.link and listing.link.column}
    assert named - {None} <= columns_of(copy, listing.table)


@pytest.mark.parametrize("page", BY_MONTH, ids=lambda page: page.slug)
def test_the_months_of_a_page_are_a_column(
    copy: duckdb.DuckDBPyConnection, page: Page
) -> None:
    table, column = str(page.months_of).rsplit(".", 1)
    assert column in columns_of(copy, table)


def test_the_overview_asks_for_columns_that_are_there(
    copy: duckdb.DuckDBPyConnection,
) -> None:
    table, column = MONTHS_OF
    assert column in columns_of(copy, table)
    for figure in FIGURES:
        assert run(copy, figure.sql) == {"month", "value"}, figure.title
    for one in WAITING:
        assert run(copy, one.sql) == {"n"}, one.what
