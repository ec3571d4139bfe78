"""Counts and borrowers as Parquet files: the fit reads them without the warehouse."""

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.connection import connect, literal, row_count
from comove.errors import WarehouseError
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

CELLS = "cells.parquet"
BANDS = "bands.parquet"
MARGIN = "margin.parquet"
GROUPS = "groups.parquet"
AHEAD = "borrowers_ahead.parquet"

_KEPT_RUNS = 2
_CELLS_SQL = """
    select * from marts.fct_copula_cell
    order by month, region, industry, pd_band
"""
_BANDS_SQL = "select * from marts.fct_copula_band order by month, region, industry, band"
_MARGIN_SQL = "select * from marts.fct_margin_count order by month, bin"
_GROUPS_SQL = "select * from marts.dim_copula_group order by attribute, value"
_BORROWERS_SQL = """
    select
        borrower_key, month, region, industry, pd, pd_star,
        exposure::double as exposure, is_event, model_version
    from intermediate.int_copula_borrower_month
    where month = cast({month} as date) and is_ahead = {is_ahead}
    order by borrower_key
"""


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Parameters
    ----------
    cells, margin_bins : int
        Rows of each file.
    ahead : int
        Borrowers at risk in the month after the run's.
    earlier : int
        Borrower-months of the run's month and of those validated.
    folder : Path
        Where the files are.
    """

    cells: int
    margin_bins: int
    ahead: int
    earlier: int
    folder: Path


def run_folder(settings: Settings, run_id: str) -> Path:
    """Folder of a run's own files, ``scratch/joint_risk/<run>``.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        As Airflow names it; what a file system may not like becomes ``_``.
    """
    return settings.places.run_folder("joint_risk", run_id)


def borrowers_file(months_back: int) -> str:
    """Name the file of the borrowers so many months before the run's; 0 is its own."""
    return f"borrowers_{months_back}.parquet"


def export_cells(settings: Settings, *, run_id: str, month: dt.date) -> ExportReport:
    """Write counts and borrowers as Parquet (zstd), in the order of their keys.

    ``cells.parquet``, ``bands.parquet``, ``margin.parquet`` and ``groups.parquet`` are
    tables of `marts`.
    ``borrowers_ahead.parquet`` holds who is at risk in the month after the run's,
    ``borrowers_0.parquet`` who was in the run's month, ``borrowers_1.parquet`` a month
    before it, as far as months are validated. Columns of each: borrower_key, month,
    region and industry (names of groups), pd, pd_star, exposure (currency, at the start
    of the month), is_event (null ahead), model_version.

    Parameters
    ----------
    settings : Settings
        Say which home, and how many months are validated.
    run_id : str
        Names the folder; folders of older runs are deleted but for the newest.
    month : date
        First day of the run's month.

    Returns
    -------
    ExportReport
        Counts, and the folder.

    Raises
    ------
    WarehouseError
        When the cells have not been built.
    """
    folder = run_folder(settings, run_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _forget_old_runs(folder.parent, kept=folder)
    with connect(settings) as connection:
        try:
            rows = {
                name: _write(connection, query, folder / name)
                for name, query in _files(settings, month).items()
            }
        except duckdb.CatalogException as error:
            raise _not_built(settings, error) from error
    earlier = sum(rows[borrowers_file(k)] for k in _months_back(settings))
    return ExportReport(rows[CELLS], rows[MARGIN], rows[AHEAD], earlier, folder)


def _files(settings: Settings, month: dt.date) -> dict[str, str]:
    """Give the SQL of each file, by its name."""
    return {
        CELLS: _CELLS_SQL,
        BANDS: _BANDS_SQL,
        MARGIN: _MARGIN_SQL,
        GROUPS: _GROUPS_SQL,
        AHEAD: _borrowers(month_of(number(month) + 1), is_ahead=True),
    } | {
        borrowers_file(k): _borrowers(month_of(number(month) - k), is_ahead=False)
        for k in _months_back(settings)
    }


def _months_back(settings: Settings) -> range:
    return range(max(settings.joint_validation_months, 1))


def _borrowers(month: dt.date, *, is_ahead: bool) -> str:
    return _BORROWERS_SQL.format(month=literal(month), is_ahead=str(is_ahead).lower())


def _write(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> int:
    # Whole or not at all: a task killed in between leaves no half file behind.
    fresh = file.with_suffix(".fresh")
    connection.execute(
        f"copy ({query}) to {literal(fresh)} (format parquet, compression zstd)"
    )
    fresh.replace(file)
    return row_count(connection, f"read_parquet({literal(file)})")


def _forget_old_runs(runs: Path, *, kept: Path) -> None:
    others = [run for run in runs.iterdir() if run != kept]
    others.sort(key=lambda run: run.stat().st_mtime, reverse=True)
    for old in others[_KEPT_RUNS - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


def _not_built(settings: Settings, error: duckdb.CatalogException) -> WarehouseError:
    return WarehouseError(
        f"the cells have not been counted ({str(error).splitlines()[0]}).",
        where=str(settings.places.warehouse),
        remedy="Run the DAG `joint_risk`, whose task `build_cells` makes them.",
    )
