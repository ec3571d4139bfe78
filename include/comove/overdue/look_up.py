"""The published assessment of one borrower, for whoever asks outside of Airflow."""

import datetime as dt
import json
from typing import Any

import duckdb

from comove.connection import connect_serving
from comove.default_response.identity import borrower_key
from comove.overdue.cases import why_unavailable
from comove.overdue.request import OverdueError, last_day
from comove.quality.frames import NOT_AVAILABLE
from comove.settings import Settings


def look_up(settings: Settings, borrower: str, on: str | None = None) -> dict[str, Any]:
    """Read the assessment that holds on a day, from the published copy.

    It is that of the day itself where somebody asked for it, else that of the last month
    end before it.

    Parameters
    ----------
    settings : Settings
        Say which home.
    borrower : str
        The lender's own id, or the borrower_key.
    on : str or None
        Day, as ``2026-09-15``; None for the last one assessed.

    Returns
    -------
    dict
        Columns of ``risk.overdue_assessment`` by name; ``reason_codes`` as a list.

    Raises
    ------
    OverdueError
        When the day is none, nothing was assessed by then, or the borrower was not
        overdue.
    ResponseError
        When there is no such borrower.
    WarehouseError
        When nothing has been published.
    """
    day = _day(on)
    if reason := why_unavailable(settings):
        raise OverdueError(
            f"{NOT_AVAILABLE}: {reason}",
            where="overdue assessment",
            remedy="A lender that delivers repayments can have it.",
        )
    with connect_serving(settings) as connection:
        key = borrower_key(connection, settings, borrower)
        newest = _newest_month_end(connection, day)
        row = connection.execute(
            """
            select * from risk.overdue_assessment
            where borrower_key = ? and as_of >= ? and as_of <= ?
            order by as_of desc
            limit 1
            """,
            [key, newest, day or dt.date.max],
        )
        names = [column[0] for column in row.description or ()]
        found = row.fetchone()
    if found is None:
        raise OverdueError(
            f"the borrower was not overdue on {newest}, the last month end assessed by "
            "then.",
            where="borrower",
            remedy="There is nothing to assess. For another day of the month trigger the "
            "DAG `overdue_assessment` with borrower and day.",
        )
    told = dict(zip(names, found, strict=True))
    return told | {"reason_codes": json.loads(told["reason_codes"])}


def _day(given: str | None) -> dt.date | None:
    if given is None:
        return None
    try:
        return dt.date.fromisoformat(given)
    except ValueError:
        raise OverdueError(
            f"{given[:20]!r} is no day.", where="--on", remedy="Write it as 2026-09-15."
        ) from None


def _newest_month_end(
    connection: duckdb.DuckDBPyConnection, day: dt.date | None
) -> dt.date:
    """Find the last month end assessed by a day."""
    try:
        row = connection.execute(
            """
            select max(as_of) from risk.overdue_assessment
            where origin <> 'request' and as_of <= ?
            """,
            [day or dt.date.max],
        ).fetchone()
    except duckdb.CatalogException:
        row = None
    newest: dt.date | None = row[0] if row else None
    # It holds until the next month end, and no longer.
    if newest is None or (day and last_day(newest + dt.timedelta(days=1)) < day):
        raise OverdueError(
            f"no month has been assessed {f'for {day}' if day else 'yet'}.",
            where="risk.overdue_assessment",
            remedy="Run the DAG `overdue_assessment` for the month.",
        )
    return newest
