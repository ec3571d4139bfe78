"""Default events that nobody has responded to yet, and who might fall with them."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, row_count
from comove.default_response.candidates import STANDING, find_candidates
from comove.default_response.identity import borrower_key
from comove.default_response.posteriors import (
    has_posteriors,
    month_after,
    no_posterior,
    posteriors_of,
    why_no_posterior,
)
from comove.default_response.request import Wish
from comove.default_response.scratch import (
    DEBTORS,
    EVENTS,
    ResponseError,
    fresh_folder,
    write_parquet,
    write_posteriors,
)
from comove.default_response.tables import ensure_response_tables
from comove.settings import Settings

DETECTED, REPORTED = "detected", "reported"


@dataclass(frozen=True)
class EventReport:
    """What was found.

    Parameters
    ----------
    events : int
        Events without a response.
    known_events : int
        Events of the wish that have one already.
    debtors : int
        Borrowers at risk in the month to come, who may be linked.
    without_pd : int
        Events of borrowers without a PD of their own; that of their cell stands for it.
    why_none : str or None
        Why there is no event, as a sentence.
    is_available : bool
        The portfolio has a posterior of the month.
    """

    events: int
    known_events: int
    debtors: int
    without_pd: int = 0
    why_none: str | None = None
    is_available: bool = True


@dataclass(frozen=True)
class _Event:
    """One borrower's default: given by hand, or one of many."""

    borrower_key: str
    month: dt.date
    origin: str


def find_events(settings: Settings, *, run_id: str, wish: Wish) -> EventReport:
    """Find the events to respond to; write them and who is at risk as Parquet.

    Without a borrower given, the events are those of the wish's month
    (``marts.fct_borrower_month.is_event``) that are not in `risk.default_event`. A
    borrower given with a month must have had the event in it. Without a month, a borrower
    who is at risk in the month to come has it then, reported before the warehouse can
    know; any other has had it in the last month with one.

    Parameters
    ----------
    settings : Settings
        Say which home, and what makes a cell of the joint model.
    run_id : str
        Names the folder of the files.
    wish : Wish
        What was asked for.

    Returns
    -------
    EventReport
        Counts. No posterior is an error only where a person asked.

    Raises
    ------
    ResponseError
        When the borrower is unknown, had no event, or was not at risk; when the month
        has no posterior or no posterior a month earlier.
    """
    folder = fresh_folder(settings, run_id)
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_response_tables(connection)
        if wish.borrower is not None:
            return _given(connection, settings, folder, wish)
        if reason := why_no_posterior(connection, wish.month):
            if wish.is_by_hand and has_posteriors(connection):
                raise no_posterior(wish.month, reason)
            return EventReport(0, 0, 0, why_none=reason, is_available=False)
        return _detected(connection, settings, folder, wish)


def _detected(
    connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, wish: Wish
) -> EventReport:
    connection.execute(
        """
        create or replace temp table wished as
        select borrower_key, month, ? as origin, ? as detected_by
        from marts.fct_borrower_month
        where month = ? and is_event
        """,
        [DETECTED, wish.given_by, wish.month],
    )
    return _write(connection, settings, folder, wish.month)


def _given(
    connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, wish: Wish
) -> EventReport:
    event = _resolve(connection, settings, wish)
    as_of = wish.month if event.origin == REPORTED else event.month
    if reason := why_no_posterior(connection, as_of):
        raise no_posterior(as_of, reason)
    connection.execute(
        """
        create or replace temp table wished as
        select ? as borrower_key, ?::date as month, ? as origin, ? as detected_by
        """,
        [event.borrower_key, event.month, event.origin, wish.given_by],
    )
    return _write(connection, settings, folder, as_of)


def _resolve(
    connection: duckdb.DuckDBPyConnection, settings: Settings, wish: Wish
) -> _Event:
    key = borrower_key(connection, settings, wish.borrower or "")
    if wish.is_month_given:
        _require_event(connection, key, wish.month)
        return _Event(key, wish.month, DETECTED)
    if _is_at_risk_ahead(connection, key, wish.month):
        return _Event(key, month_after(wish.month), REPORTED)
    last = _last_event(connection, key, wish.month)
    if last is None:
        raise ResponseError(
            "the borrower has had no default event, and is not at risk in "
            f"{month_after(wish.month):%Y-%m}.",
            where="borrower",
            remedy="A default can be given for borrowers at risk (risk.joint_risk_index) "
            "or with an event (marts.fct_borrower_month).",
        )
    return _Event(key, last, DETECTED)


def _require_event(
    connection: duckdb.DuckDBPyConnection, key: str, month: dt.date
) -> None:
    row = connection.execute(
        """
        select is_at_risk, is_event from marts.fct_borrower_month
        where borrower_key = ? and month = ?
        """,
        [key, month],
    ).fetchone()
    if row and row[1]:
        return
    if row is None:
        found = f"the borrower had no open loan in {month:%Y-%m}"
    elif not row[0]:
        found = f"the borrower was not at risk in {month:%Y-%m}"
    else:
        found = f"the borrower had no default event in {month:%Y-%m}"
    last = _last_event(connection, key)
    raise ResponseError(
        f"{found}.",
        where="month",
        remedy=f"The last event was in {last:%Y-%m}: ask for that month."
        if last
        else "There never was one. To report a default the data does not know yet, "
        "leave the month empty.",
    )


def _last_event(
    connection: duckdb.DuckDBPyConnection, key: str, until: dt.date | None = None
) -> dt.date | None:
    row = connection.execute(
        """
        select max(month) from marts.fct_borrower_month
        where borrower_key = ? and is_event and month <= coalesce(?, date '9999-12-01')
        """,
        [key, until],
    ).fetchone()
    return row[0] if row else None


def _is_at_risk_ahead(
    connection: duckdb.DuckDBPyConnection, key: str, as_of: dt.date
) -> bool:
    if not has_posteriors(connection):
        return False
    row = connection.execute(
        """
        select 1 from risk.joint_risk_index where borrower_key = ? and as_of_month = ?
        """,
        [key, as_of],
    ).fetchone()
    return row is not None


def _write(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    folder: Path,
    as_of: dt.date,
) -> EventReport:
    """Write the wished events that are new, and who is at risk after them."""
    posteriors = posteriors_of(connection, as_of)
    find_candidates(connection, settings, as_of)
    wished, new = row_count(connection, "wished"), row_count(connection, "new_event")
    if new == 0:
        return EventReport(0, wished, 0, why_none=_why_nothing_new(wished, as_of))
    write_parquet(connection, "(from new_event order by event_id)", folder / EVENTS)
    write_parquet(connection, STANDING, folder / DEBTORS)
    write_posteriors(folder, posteriors)
    return EventReport(
        events=new,
        known_events=wished - new,
        debtors=row_count(connection, STANDING),
        without_pd=row_count(
            connection, "(from new_event where pd_source <> 'borrower')"
        ),
    )


def _why_nothing_new(wished: int, as_of: dt.date) -> str:
    if wished:
        return f"All {wished} events have been responded to before."
    return f"Nobody has defaulted in {as_of:%Y-%m}."
