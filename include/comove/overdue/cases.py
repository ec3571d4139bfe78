"""Cases of overdue borrowers: built by dbt, handed on to training as a file."""

import datetime as dt
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.connection import connect, literal, row_count
from comove.overdue.request import last_day
from comove.overdue.tables import ensure_overdue_tables
from comove.portfolio import load_portfolio
from comove.settings import Settings
from comove.warehouse import Part, build_part

LOG = logging.getLogger(__name__)
Tell = Callable[[str], None]

# Purpose of the models, and the files training hands on.
PURPOSE = "overdue"
CASES = "cases.parquet"
PROBABILITIES = "probabilities.parquet"
MODELS = f"models_{PURPOSE}.json"
CHECKS = "checks.json"
_KEPT_RUNS = 2

# What a later month has shown is not known in this one.
_CASES_SQL = """
    select * replace (
        case when outcome_known_on <= {end} then repaid_amount end as repaid_amount,
        case when outcome_known_on <= {end} then is_repaid end as is_repaid
    )
    from features.feat_overdue_case
    where as_of <= {end}
    order by as_of, borrower_key
"""


@dataclass(frozen=True)
class CaseReport:
    """What was built.

    Parameters
    ----------
    cases : int
        Overdue borrowers, counted at every month end up to the run's.
    cases_of_month : int
        Of them, at the end of the run's month.
    outcomes : int
        Cases of which it is known by then what became of them.
    unavailable : str or None
        Why the portfolio has no cases, as a sentence.
    """

    cases: int
    cases_of_month: int
    outcomes: int
    unavailable: str | None = None


def run_folder(settings: Settings, run_id: str) -> Path:
    """Folder of a run's own files, ``scratch/overdue/<run>``.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        As Airflow names it; what a file system may not like becomes ``_``.
    """
    return settings.places.run_folder("overdue", run_id)


def why_unavailable(settings: Settings) -> str | None:
    """Say why a portfolio has no overdue borrowers, as a sentence; None where it may."""
    reason = load_portfolio(settings.portfolio).absent.get("repayments")
    return f"no instalments are delivered ({reason.rstrip('.')})." if reason else None


def build_cases(
    settings: Settings, *, run_id: str, month: dt.date, tell: Tell = LOG.info
) -> CaseReport:
    """Build the cases of every month end, and write those up to a month as Parquet.

    Parameters
    ----------
    settings : Settings
        Say which portfolio and home.
    run_id : str
        Names the folder of the file.
    month : date
        First day of the run's month: no later case is written, and no later outcome.
    tell : callable
        Takes one sentence of progress per table; by default the log.

    Returns
    -------
    CaseReport
        Counts.

    Raises
    ------
    WarehouseError
        When the marts or the features of the risk models are not built, a table or the
        seed cannot be built or a test fails; says which.
    """
    with connect(settings) as connection:
        ensure_overdue_tables(connection)
    build_part(Part.OVERDUE_CASE, settings, run_id=run_id, month=month, tell=tell)
    folder = _fresh_folder(settings, run_id)
    with connect(settings) as connection:
        file = folder / CASES
        _write(connection, _CASES_SQL.format(end=f"date '{last_day(month)}'"), file)
        of_month, outcomes = connection.execute(
            f"""
            select count(*) filter (as_of = ?), count(is_repaid)
            from read_parquet({literal(file)})
            """,  # noqa: S608 - a path of ours
            [last_day(month)],
        ).fetchall()[0]
        cases = row_count(connection, f"read_parquet({literal(file)})")
    return CaseReport(cases, of_month, outcomes, why_unavailable(settings))


def _fresh_folder(settings: Settings, run_id: str) -> Path:
    folder = run_folder(settings, run_id)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    others = [run for run in folder.parent.iterdir() if run != folder]
    others.sort(key=lambda run: run.stat().st_mtime, reverse=True)
    for old in others[_KEPT_RUNS - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def _write(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    # Whole or not at all: a task killed in between leaves no half file behind.
    fresh = file.with_suffix(".fresh")
    connection.execute(
        f"copy ({query}) to {literal(fresh)} (format parquet, compression zstd)"
    )
    fresh.replace(file)
