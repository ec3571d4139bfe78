"""The files a fit reads: what each holds, and which of them are kept."""

import datetime as dt
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from tests.joint_risk.counted_book import MONTH, Counted, count, counted_book

from comove.errors import WarehouseError
from comove.joint_risk.export import (
    ExportReport,
    borrowers_file,
    export_cells,
    run_folder,
)
from comove.settings import Settings

COLUMNS = {
    "borrower_key",
    "month",
    "region",
    "industry",
    "pd",
    "pd_star",
    "exposure",
    "is_event",
    "model_version",
}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    home = tmp_path_factory.mktemp("exported")
    return count(counted_book(), home, joint_validation_months=2)


@pytest.fixture(scope="module")
def report(counted: Counted) -> ExportReport:
    return export_cells(counted.settings, run_id="run: 1/2", month=MONTH)


def read(file: Path) -> pd.DataFrame:
    return duckdb.sql(f"from '{file}'").df()


def test_the_folder_is_that_of_the_run(counted: Counted, report: ExportReport) -> None:
    assert report.folder == run_folder(counted.settings, "run: 1/2")
    assert report.folder.name == "run__1_2"
    assert report.folder.stat().st_mode & 0o077 == 0


def test_every_file_is_counted(report: ExportReport) -> None:
    assert len(read(report.folder / "cells.parquet")) == report.cells
    assert len(read(report.folder / "margin.parquet")) == report.margin_bins
    assert len(read(report.folder / "borrowers_ahead.parquet")) == report.ahead
    assert {file.name for file in report.folder.iterdir()} == {
        "bands.parquet",
        "cells.parquet",
        "margin.parquet",
        "groups.parquet",
        "borrowers_ahead.parquet",
        "borrowers_0.parquet",
        "borrowers_1.parquet",
    }


def test_borrowers_are_those_of_the_month_so_many_months_back(
    counted: Counted, report: ExportReport
) -> None:
    for back, month in enumerate(["2023-12-01", "2023-11-01"]):
        found = read(report.folder / borrowers_file(back))
        rows = counted.book.predictions
        expected = rows[rows.month == month].sort_values("borrower_key")
        assert set(found.columns) == COLUMNS
        assert found.borrower_key.tolist() == expected.borrower_key.tolist()
        assert found.pd.tolist() == expected.pd.tolist()
        assert found.is_event.tolist() == expected.is_event.tolist()
        assert (found.month == month).all()


def test_groups_of_borrowers_are_those_of_the_cells(report: ExportReport) -> None:
    cells = read(report.folder / "cells.parquet")
    for file in report.folder.glob("borrowers_*.parquet"):
        borrowers = read(file)
        assert set(borrowers.region) <= set(cells.region)
        assert set(borrowers.industry) <= set(cells.industry)


def test_the_outcome_of_the_month_ahead_is_not_written(report: ExportReport) -> None:
    ahead = read(report.folder / "borrowers_ahead.parquet")
    assert ahead.is_event.isna().all()
    assert ahead.exposure.dtype == "float64"


def test_exporting_again_writes_the_same_bytes(
    counted: Counted, report: ExportReport
) -> None:
    before = {file.name: file.read_bytes() for file in report.folder.iterdir()}
    export_cells(counted.settings, run_id="run: 1/2", month=MONTH)
    assert {file.name: file.read_bytes() for file in report.folder.iterdir()} == before


def test_only_the_newest_other_run_is_kept(
    counted: Counted, report: ExportReport
) -> None:
    for run_id in ("second", "third"):
        export_cells(counted.settings, run_id=run_id, month=MONTH)
    kept = sorted(folder.name for folder in report.folder.parent.iterdir())
    assert kept == ["second", "third"]


def test_cells_that_were_never_counted_are_told_with_the_task_to_run(
    settings: Settings,
) -> None:
    with pytest.raises(WarehouseError, match=r"not been counted.*`build_cells`"):
        export_cells(settings, run_id="r", month=dt.date(2024, 1, 1))
