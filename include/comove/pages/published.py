"""Reading the published copy for many readers at once, a page of rows at a time."""

# ruff: noqa: S608 - names are looked up in the catalogue of tables before they are used

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from comove.connection import literal, quoted
from comove.errors import ComoveError
from comove.pages.persons import MASK, hidden, is_personal
from comove.pages.remembered import Remembered

PAGE_ROWS = 50
MOST_ROWS_A_PAGE = 500
# A spreadsheet holds no more.
MOST_ROWS_DOWNLOADED = 1_000_000
CSV_ROWS_AT_ONCE = 5_000
# Cells that begin like this are formulas to a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# The first rows of a table are found without sorting all of it. For pages farther down
# its order is worked out once and kept, in 4 bytes a row, so that they cost as little;
# larger tables are sorted anew for every page.
SHALLOW_ROWS = 1_000
MOST_ROWS_ORDERED = 4_000_000
MOST_ORDERS = 16


class NotPublishedError(ComoveError):
    """What was asked for is not in the published copy."""


@dataclass(frozen=True)
class Rows:
    """A page of a table.

    Parameters
    ----------
    columns : list of str
        Names, in the table's order.
    rows : list of list
        Values JSON can hold.
    total : int
        Rows that meet the conditions, over all pages.
    page, size : int
        Which page this is, from 1, and rows of a full one.
    """

    columns: list[str]
    rows: list[list[Any]]
    total: int
    page: int
    size: int


@dataclass(frozen=True)
class Request:
    """Which rows, in which order.

    Parameters
    ----------
    table : str
        Schema and name.
    month : date or None
        With `month_column`: rows of that month only.
    month_column : str or None
        Column that holds it.
    search : str
        Text that any column holding text has to contain, whatever the case.
    sort : str or None
        Column to sort by.
    descending : bool
        Largest first; nulls are last either way.
    page, size : int
        From 1; rows of a page.
    equals : mapping of str to str, optional
        Columns that have to hold a text.
    is_masked : bool
        Whether columns that tell of persons are masked, not searched, not sorted by.
    """

    table: str
    month: dt.date | None = None
    month_column: str | None = None
    search: str = ""
    sort: str | None = None
    descending: bool = True
    page: int = 1
    size: int = PAGE_ROWS
    equals: tuple[tuple[str, str], ...] = ()
    is_masked: bool = False


class Published:
    """The published copy, opened anew whenever another has been swapped in.

    Parameters
    ----------
    file : Path
        The copy.
    threads : int
        Of DuckDB; memory is limited too, as the web server has to live.
    """

    def __init__(self, file: Path, threads: int = 2) -> None:
        self._file = file
        self._threads = threads
        self._lock = threading.Lock()
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._stamp: tuple[int, int] | None = None
        self._remembered = Remembered()
        self._orders = Remembered(MOST_ORDERS)

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor on the newest copy.

        Raises
        ------
        NotPublishedError
            When there is none yet.
        """
        cursor = self._connection().cursor()
        try:
            cursor.execute("use published")
            yield cursor
        finally:
            cursor.close()

    def tables(self) -> dict[str, dict[str, str]]:
        """List tables with their columns and types."""
        return self._once("tables", self._tables)

    def _tables(self) -> dict[str, dict[str, str]]:
        with self.cursor() as cursor:
            found = cursor.execute(
                "select schema_name || '.' || table_name, column_name, data_type "
                "from duckdb_columns() where not internal "
                "and database_name = 'published' order by column_index"
            ).fetchall()
        tables: dict[str, dict[str, str]] = {}
        for table, column, kind in found:
            tables.setdefault(table, {})[column] = kind
        return tables

    def columns(self, table: str) -> dict[str, str]:
        """Columns of a table and their types.

        Raises
        ------
        NotPublishedError
            When it is not published.
        """
        found = self.tables().get(table)
        if found is None:
            raise NotPublishedError(
                "the table is not published.",
                where=table,
                remedy="Run the DAG that makes it, or choose another portfolio.",
            )
        return found

    def months(self, table: str, column: str) -> list[dt.date]:
        """First days of months a table has rows of, newest first; none unpublished."""
        if column not in self.tables().get(table, {}):
            return []
        return self._once(
            ("months", table, column), lambda: self._distinct(table, column)
        )

    def _distinct(self, table: str, column: str) -> list[dt.date]:
        with self.cursor() as cursor:
            found = cursor.execute(
                f"select distinct date_trunc('month', {quoted(column)})::date "
                f"from {_named(table)} where {quoted(column)} is not null "
                "order by 1 desc limit 600"
            ).fetchall()
        return [one[0] for one in found]

    def rows(self, request: Request) -> Rows:
        """Give a page of rows and how many there are in all."""
        return self._once(request, lambda: self._rows(request))

    def _rows(self, request: Request) -> Rows:
        columns = self.columns(request.table)
        size = max(1, min(request.size, MOST_ROWS_A_PAGE))
        page = max(1, request.page)
        first = (page - 1) * size
        if request.equals or self._is_deep(request, first + size):
            order = self._order(request, columns)
            total, places = len(order), order[first : first + size].tolist()
        else:
            total, places = self._places(request, columns, size, first)
        return Rows(
            list(columns), self._whole(request, columns, places), total, page, size
        )

    def _is_deep(self, request: Request, last: int) -> bool:
        """Whether a page is so far down that ordering the whole table pays."""
        return last > SHALLOW_ROWS and self._size(request.table) <= MOST_ROWS_ORDERED

    def _size(self, table: str) -> int:
        return self._once(("size", table), lambda: self._count(_named(table), []))

    def _order(self, request: Request, columns: dict[str, str]) -> NDArray[np.uint32]:
        """Numbers of all rows that meet the conditions, in the order asked for."""
        source, values = _source(request, columns)
        sql = f"select rowid from {source} {_order_by(request, columns)}"
        if request.equals:
            # Few rows, asked for by few: they must not crowd out orders of whole tables.
            return self._numbers(sql, values)
        return self._orders.ask(
            (self._file_stamp(), sql, *values), lambda: self._numbers(sql, values)
        )

    def _places(
        self, request: Request, columns: dict[str, str], size: int, first: int
    ) -> tuple[int, list[int]]:
        source, values = _source(request, columns)
        # How many there are does not depend on the page or the order.
        counted = ("count", source, *values)
        total = self._once(counted, lambda: self._count(source, values))
        order = _order_by(request, columns)
        sql = f"select rowid from {source} {order} limit {size} offset {first}"
        return total, self._numbers(sql, values).tolist()

    def _numbers(self, sql: str, values: list[Any]) -> NDArray[np.uint32]:
        with self.cursor() as cursor:
            found = cursor.execute(sql, values).fetchnumpy()
        return np.asarray(found["rowid"], dtype=np.uint32)

    def _whole(
        self, request: Request, columns: dict[str, str], places: list[int]
    ) -> list[list[Any]]:
        """Read whole rows by their numbers.

        Sorting whole rows to reach a page far down takes ten times as long.
        """
        with self.cursor() as cursor:
            found = cursor.execute(
                f"select rowid, {_shown(request, columns)} from {_named(request.table)} "
                # As a relation: DuckDB then reads the columns of these rows only.
                "where rowid in (select unnest(?::bigint[]))",
                [places],
            ).fetchall()
        by_place = {place: [plain(value) for value in row] for place, *row in found}
        return [by_place[place] for place in places]

    def _count(self, source: str, values: list[Any]) -> int:
        with self.cursor() as cursor:
            found = cursor.execute(f"select count(*) from {source}", values).fetchall()
        return int(found[0][0])

    def csv(self, request: Request) -> Iterator[str]:
        """Give all rows as CSV, piece by piece."""
        columns = self.columns(request.table)
        source, values = _source(request, columns)
        with self.cursor() as cursor:
            cursor.execute(
                f"select {_shown(request, columns)} from {source} "
                f"{_order_by(request, columns)} limit {MOST_ROWS_DOWNLOADED}",
                values,
            )
            yield _as_csv([list(columns)])
            while rows := cursor.fetchmany(CSV_ROWS_AT_ONCE):
                yield _as_csv([[_harmless(plain(v)) for v in row] for row in rows])

    def query(self, sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Run a query of the catalogue; rows as names and values JSON can hold."""
        used = {name: value for name, value in values.items() if f"${name}" in sql}
        question = ("query", sql, *used.items())
        return self._once(question, lambda: self._queried(sql, used))

    def _queried(self, sql: str, used: dict[str, Any]) -> list[dict[str, Any]]:
        with self.cursor() as cursor:
            found = cursor.execute(sql, used or None)
            names = [one[0] for one in found.description or ()]
            rows = found.fetchall()
        return [dict(zip(names, map(plain, row), strict=True)) for row in rows]

    def _once[T](self, question: Hashable, work: Callable[[], T]) -> T:
        """Work an answer out once for a copy."""
        return self._remembered.ask((self._file_stamp(), question), work)

    def _connection(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            stamp = self._file_stamp()
            if self._opened is None or stamp != self._stamp:
                # Attached, not connected to: by path, DuckDB would hand back the copy
                # before, as long as a cursor on it is open. Cursors keep it until then.
                self._opened = duckdb.connect(
                    config={
                        "threads": self._threads,
                        "memory_limit": "1GiB",
                        # A reader leaves nothing on the disk.
                        "temp_directory": "",
                    }
                )
                self._opened.execute(
                    f"attach {literal(self._file)} as published (read_only)"
                )
                self._stamp = stamp
            return self._opened

    def _file_stamp(self) -> tuple[int, int]:
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            raise NotPublishedError(
                "nothing has been published yet.",
                where=self._file.name,
                remedy="Run the DAG `warehouse` first.",
            ) from None
        return stat.st_ino, stat.st_mtime_ns


def plain(value: Any) -> Any:
    """Give a value as JSON can hold it; what is no number is null."""
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.date | dt.datetime | dt.timedelta):
        return str(value)
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str)
    if isinstance(value, bytes):
        return value.hex()
    return value


def _named(table: str) -> str:
    schema, name = table.split(".")
    return f"{quoted(schema)}.{quoted(name)}"


def _shown(request: Request, columns: dict[str, str]) -> str:
    return ", ".join(
        f"{literal(MASK)} as {quoted(column)}"
        if request.is_masked and is_personal(column)
        else quoted(column)
        for column in columns
    )


def _source(request: Request, columns: dict[str, str]) -> tuple[str, list[Any]]:
    """Write table and conditions; values are apart and never become part of them."""
    parts, values = ["true"], list[Any]()
    if request.month and request.month_column in columns:
        within = quoted(request.month_column)
        parts.append(f"{within} >= ? and {within} < ?::date + interval 1 month")
        values += [request.month] * 2
    for column, text in request.equals:
        parts.append(f"{quoted(_known(column, request.table, columns))} = ?")
        values.append(text)
    found, searched = _search(request, columns)
    return f"{_named(request.table)} where {' and '.join(parts + found)}", [
        *values,
        *searched,
    ]


def _search(request: Request, columns: dict[str, str]) -> tuple[list[str], list[Any]]:
    if not request.search:
        return [], []
    texts = [
        name
        for name, kind in columns.items()
        if kind.startswith("VARCHAR") and not (request.is_masked and is_personal(name))
    ]
    either = " or ".join(f"contains(lower({quoted(name)}), ?)" for name in texts)
    return [f"({either or 'false'})"], [request.search.lower()] * len(texts)


def _order_by(request: Request, columns: dict[str, str]) -> str:
    # Ties keep the table's order: else a row could stand on two pages, or on none.
    if request.sort is None:
        return "order by rowid"
    _known(request.sort, request.table, columns)
    if request.is_masked and is_personal(request.sort):
        raise hidden(f"{request.table}, column {request.sort}")
    direction = "desc" if request.descending else "asc"
    return f"order by {quoted(request.sort)} {direction} nulls last, rowid"


def _known(column: str, table: str, columns: dict[str, str]) -> str:
    if column not in columns:
        raise NotPublishedError(
            f"there is no column {column}.",
            where=table,
            remedy=f"Choose one of {', '.join(columns)}.",
        )
    return column


def _as_csv(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from running what came in a lender's data."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
