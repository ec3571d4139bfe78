"""Landing everything a portfolio has delivered."""

import datetime as dt
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, utc_now
from comove.landing.discovery import discover
from comove.landing.entity import Landing, land_entity
from comove.landing.report import LandingReport
from comove.landing.warning_sentences import unknown_file_sentence
from comove.portfolio import load_portfolio
from comove.settings import Settings

LOG = logging.getLogger(__name__)


def land(
    settings: Settings, *, run_id: str, tell: Callable[[str], None] = LOG.info
) -> LandingReport:
    """Read what is new in the data folder into schema ``raw``.

    Files that have not changed since they landed are not read again. Every entity is
    one transaction, so a run that is stopped and repeated ends as if it had never been
    stopped.

    Parameters
    ----------
    settings : Settings
        Say which portfolio, data folder and home.
    run_id : str
        Noted at every delivery.
    tell : callable
        Takes one sentence of progress per file; by default the log.

    Returns
    -------
    LandingReport
        Counts per entity and warnings. A refused file does not stop the others; the
        gate ``landed`` fails on it.

    Raises
    ------
    LandingError
        When the folder is missing, unreadable or without files, or a file changes
        while it is read.
    """
    tables = load_portfolio(settings.portfolio).tables
    found = discover(settings.data_folder, tables)
    warnings = [unknown_file_sentence(name) for name in found.unknown]
    entities = {}
    with connect(settings) as connection:
        ensure_tables(connection)
        landing = _landing(settings, connection, run_id, tell)
        for table in tables:
            entities[table.name], new_warnings = land_entity(
                landing, table, found.by_entity[table.name]
            )
            warnings += new_warnings
            _empty(landing.scratch)
    for warning in warnings:
        LOG.warning(warning)
    return LandingReport(entities, tuple(warnings))


def _landing(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    tell: Callable[[str], None],
) -> Landing:
    scratch = settings.places.scratch / "landing"
    # Only one process has the warehouse open for writing, so what lies here is left
    # over from a run that was killed.
    _empty(scratch)
    return Landing(
        connection=connection,
        folder=settings.data_folder,
        scratch=scratch,
        run_id=run_id,
        landed_at=_later_than_all(connection),
        threads=settings.duckdb_threads,
        tell=tell,
    )


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _later_than_all(connection: duckdb.DuckDBPyConnection) -> dt.datetime:
    """Now, or just after the last landing should the clock have been set back."""
    now = utc_now()
    rows = connection.execute("select max(landed_at) from audit.delivery").fetchall()
    last = rows[0][0]
    return max(now, last + dt.timedelta(microseconds=1)) if last else now
