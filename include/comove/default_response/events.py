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
    NOT_AVAILABLE,
    first_month,
    has_posteriors,
    month_after,
    posteriors_for,
    published_month,
)
from comove.default_response.request import Wish
from comove.default_response.scratch import (
    DEBTORS,
    EVENTS,
    Posteriors,
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
        There are posteriors to compute links from.
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

    Without a borrower given, the events are those
    (``marts.fct_borrower_month.is_event``) that are not in `risk.default_event`: of the
    wish's month and the months looked back to, or, where a person named the month, of
    that month alone. So a default that arrives late, or in a month whose posterior was
    refused, is answered by the next run, with the newest posteriors. A borrower given
    with a month must have had the event in it. Without a month, a borrower who is at risk
    in the month to come has it then, reported before the warehouse can know; any other
    must have had it in the wish's month. An older event is taken where its month is
    given, never in place of what was asked.

    Parameters
    ----------
    settings : Settings
        Say which home, how far is looked back, and what makes a cell of the joint model.
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
        When the borrower is unknown, had no event, or was not at risk; when a person
        asked and there is no posterior to answer with, or none to compare it with.
    """
    folder = fresh_folder(settings, run_id)
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_response_tables(connection)
        if not has_posteriors(connection):
            if wish.borrower is not None:
                raise _no_joint_risk()
            return _unavailable(NOT_AVAILABLE)
        try:
            posteriors = _wished(connection, settings, wish)
        except ResponseError as error:
            if wish.is_by_hand:
                raise
            return _unavailable(f"{error.found} {error.remedy}")
        return _write(connection, settings, folder, wish, posteriors)


def _unavailable(reason: str) -> EventReport:
    return EventReport(0, 0, 0, why_none=reason, is_available=False)


def _no_joint_risk() -> ResponseError:
    return ResponseError(
        NOT_AVAILABLE,
        where="risk.joint_risk_index",
        remedy="Run the DAG `joint_risk` first.",
    )


def _wished(
    connection: duckdb.DuckDBPyConnection, settings: Settings, wish: Wish
) -> Posteriors:
    """Fill the temporary table ``wished``; give what to compute its links from."""
    if wish.borrower is not None:
        return _given(connection, settings, wish)
    posteriors = posteriors_for(connection, settings, wish.month)
    connection.execute(
        """
        create or replace temp table wished as
        select borrower_key, month, ? as origin, ? as detected_by
        from marts.fct_borrower_month
        where month between ? and ? and is_event
        """,
        [DETECTED, wish.given_by, _first(settings, wish), wish.month],
    )
    return posteriors


def _first(settings: Settings, wish: Wish) -> dt.date:
    return wish.month if wish.is_month_given else first_month(settings, wish.month)


def _given(
    connection: duckdb.DuckDBPyConnection, settings: Settings, wish: Wish
) -> Posteriors:
    event = _resolve(connection, settings, wish)
    as_of = wish.month if event.origin == REPORTED else event.month
    posteriors = posteriors_for(connection, settings, as_of)
    connection.execute(
        """
        create or replace temp table wished as
        select ? as borrower_key, ?::date as month, ? as origin, ? as detected_by
        """,
        [event.borrower_key, event.month, event.origin, wish.given_by],
    )
    return posteriors


def _resolve(
    connection: duckdb.DuckDBPyConnection, settings: Settings, wish: Wish
) -> _Event:
    key = borrower_key(connection, settings, wish.borrower or "")
    if wish.is_month_given:
        _require_event(connection, key, wish.month)
        return _Event(key, wish.month, DETECTED)
    if published_month(connection, settings, wish.month) != wish.month:
        raise _unknown_whether_at_risk(wish.month)
    if _is_at_risk_ahead(connection, key, wish.month):
        return _Event(key, month_after(wish.month), REPORTED)
    last = _last_event(connection, key, wish.month)
    if last == wish.month:
        return _Event(key, last, DETECTED)
    raise _not_at_risk(wish.month, last)


def _unknown_whether_at_risk(month: dt.date) -> ResponseError:
    return ResponseError(
        f"there is no posterior that knows {month:%Y-%m}, so nobody can be reported to "
        f"fall in {month_after(month):%Y-%m}.",
        where="risk.joint_risk_index",
        remedy=f"Run the DAG `joint_risk` for {month:%Y-%m} first; or, to respond to an "
        "event the data knows, write its month.",
    )


def _not_at_risk(month: dt.date, last: dt.date | None) -> ResponseError:
    ahead = month_after(month)
    if last is None:
        return ResponseError(
            "the borrower has had no default event, and is not at risk in "
            f"{ahead:%Y-%m}.",
            where="borrower",
            remedy="A default can be given for borrowers at risk (risk.joint_risk_index) "
            "or with an event (marts.fct_borrower_month).",
        )
    return ResponseError(
        f"the borrower is not at risk in {ahead:%Y-%m}; its last default event was in "
        f"{last:%Y-%m}.",
        where="borrower",
        remedy=f"To respond to that event, write {last:%Y-%m} as the month.",
    )


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
    wish: Wish,
    posteriors: Posteriors,
) -> EventReport:
    """Write the wished events that are new, and who is at risk after them."""
    find_candidates(connection, settings, posteriors.as_of_month)
    wished, new = row_count(connection, "wished"), row_count(connection, "new_event")
    if new == 0:
        reason = _why_nothing_new(wished, _first(settings, wish), wish.month)
        return EventReport(0, wished, 0, why_none=reason)
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


def _why_nothing_new(wished: int, first: dt.date, last: dt.date) -> str:
    if wished:
        return f"All {wished} events have been responded to before."
    if first == last:
        return f"Nobody has defaulted in {last:%Y-%m}."
    return f"Nobody has defaulted from {first:%Y-%m} to {last:%Y-%m}."
