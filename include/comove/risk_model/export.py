"""Features as Parquet files: training reads them without holding the warehouse."""

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.connection import connect, literal, row_count
from comove.errors import WarehouseError
from comove.settings import Settings

BORROWER_MONTHS = "feat_borrower_month.parquet"
APPLICATIONS = "feat_application.parquet"

_KEPT_RUNS = 2
# The month after the run's is there to be predicted, whatever is known of it by now.
_BORROWER_MONTHS_SQL = """
    select * replace (if(month > getvariable('run_month'), null, is_event) as is_event)
    from features.feat_borrower_month
    where month <= getvariable('run_month') + interval 1 month
    order by month, borrower_key
"""
# So is an outcome that became known after the run's month: a backfill sees no more than
# the run would have seen then, and the run no more than a backfill, whatever was built.
_APPLICATIONS_SQL = """
    select * exclude (is_known) replace (
        if(is_known, is_bad, null) as is_bad,
        if(is_known, outcome_known_on, null) as outcome_known_on,
        if(is_known, outcome_source, null) as outcome_source,
        is_mature and is_known as is_mature
    )
    from (
        select
            *,
            coalesce(
                outcome_known_on < getvariable('run_month') + interval 1 month,
                false
            ) as is_known,
        from features.feat_application
    )
    where cohort_month <= getvariable('run_month')
    order by cohort_month, application_key
"""


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Parameters
    ----------
    borrower_months, applications : int
        Rows of each file.
    folder : Path
        Where the files are.
    """

    borrower_months: int
    applications: int
    folder: Path


def run_folder(settings: Settings, run_id: str) -> Path:
    """Folder of a run's own files, ``scratch/risk_model/<run>``.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        As Airflow names it; what a file system may not like becomes ``_``.
    """
    return settings.places.run_folder("risk_model", run_id)


def export_features(settings: Settings, *, run_id: str, month: dt.date) -> ExportReport:
    """Write the features up to a month as Parquet (zstd), in the order of their keys.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Names the folder; folders of older runs are deleted but for the newest.
    month : date
        First day of the run's month. Of the month after it the features are written,
        their event is null; outcomes that became known later are null too.

    Returns
    -------
    ExportReport
        Counts, and the folder.

    Raises
    ------
    WarehouseError
        When the features have not been built.
    """
    folder = run_folder(settings, run_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _forget_old_runs(folder.parent, kept=folder)
    with connect(settings) as connection:
        connection.execute("set variable run_month = cast(? as date)", [month])
        try:
            _write(connection, _BORROWER_MONTHS_SQL, folder / BORROWER_MONTHS)
            _write(connection, _APPLICATIONS_SQL, folder / APPLICATIONS)
        except duckdb.CatalogException as error:
            raise _not_built(settings, error) from error
        return ExportReport(
            borrower_months=_rows(connection, folder / BORROWER_MONTHS),
            applications=_rows(connection, folder / APPLICATIONS),
            folder=folder,
        )


def _write(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    # Whole or not at all: a task killed in between leaves no half file behind.
    fresh = file.with_suffix(".fresh")
    connection.execute(
        f"copy ({query}) to {literal(fresh)} (format parquet, compression zstd)"
    )
    fresh.replace(file)


def _rows(connection: duckdb.DuckDBPyConnection, file: Path) -> int:
    return row_count(connection, f"read_parquet({literal(file)})")


def _forget_old_runs(runs: Path, *, kept: Path) -> None:
    others = [run for run in runs.iterdir() if run != kept]
    others.sort(key=lambda run: run.stat().st_mtime, reverse=True)
    for old in others[_KEPT_RUNS - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


def _not_built(settings: Settings, error: duckdb.CatalogException) -> WarehouseError:
    return WarehouseError(
        f"the features have not been built ({str(error).splitlines()[0]}).",
        where=str(settings.places.warehouse),
        remedy="Run the DAG `risk_model`, whose task `build_features` makes them.",
    )
