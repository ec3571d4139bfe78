"""What training is given: the features as they stood at the end of a month."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from comove.connection import connect
from comove.errors import WarehouseError
from comove.risk_model.export import (
    APPLICATIONS,
    BORROWER_MONTHS,
    export_features,
    run_folder,
)
from comove.settings import Settings

MARCH = dt.date(2024, 3, 1)
FEATURES = """
    create schema features;
    create table features.feat_borrower_month as
    select
        'b' || borrower as borrower_key,
        cast(month as date) as month,
        if(month < date '2024-06-01', borrower = 1, null) as is_event,
        borrower * 10.0 as exposure,
    from generate_series(date '2024-01-01', date '2024-06-01', interval 1 month)
        as m(month)
    cross join range(2) as b(borrower);
    create table features.feat_application as
    select
        key as application_key,
        cast(cohort as date) as cohort_month,
        is_bad,
        cast(known as date) as outcome_known_on,
        is_bad is not null as is_mature,
        if(is_bad is null, null, source) as outcome_source,
    from (values
        ('known', '2024-01-01', true, '2024-03-31', 'performance'),
        ('known later', '2024-01-01', false, '2024-04-01', 'performance'),
        ('never drawn', '2024-02-01', null, null, null),
        ('next month', '2024-04-01', true, '2024-05-05', 'performance'),
        ('told', '2024-03-01', true, '2024-03-31', 'reported'),
        ('told later', '2024-03-01', true, '2024-04-30', 'reported')
    ) as t(key, cohort, is_bad, known, source);
"""


@pytest.fixture
def folder(settings: Settings) -> Path:
    with connect(settings) as connection:
        connection.execute(FEATURES)
    return export_features(settings, run_id="manual__2024-03+00:00", month=MARCH).folder


def read(file: Path, columns: str) -> list[tuple[object, ...]]:
    return duckdb.sql(f"select {columns} from read_parquet('{file}')").fetchall()


def test_it_ends_with_the_month_after_the_runs(folder: Path) -> None:
    assert read(folder / BORROWER_MONTHS, "max(month), count(*)") == [
        (dt.date(2024, 4, 1), 8)
    ]


def test_the_month_after_has_features_and_no_event(folder: Path) -> None:
    found = read(
        folder / BORROWER_MONTHS, "distinct month, is_event is null, exposure > 5"
    )
    assert (dt.date(2024, 4, 1), True, True) in found
    assert (dt.date(2024, 3, 1), False, True) in found
    assert (dt.date(2024, 3, 1), True, True) not in found


def test_rows_stand_in_the_order_of_their_keys(folder: Path) -> None:
    rows = read(folder / BORROWER_MONTHS, "month, borrower_key")
    assert rows == sorted(rows)  # type: ignore[type-var] - dates and texts


def test_an_outcome_that_became_known_later_is_not_known(folder: Path) -> None:
    columns = "application_key, is_bad, outcome_known_on, outcome_source, is_mature"
    assert read(folder / APPLICATIONS, columns) == [
        ("known", True, dt.date(2024, 3, 31), "performance", True),
        ("known later", None, None, None, False),
        ("never drawn", None, None, None, False),
        ("told", True, dt.date(2024, 3, 31), "reported", True),
        ("told later", None, None, None, False),
    ]


@pytest.mark.parametrize("built_to", ["2024-03-01", "2024-05-01"])
def test_what_is_known_does_not_depend_on_which_months_have_been_built(
    settings: Settings, folder: Path, built_to: str
) -> None:
    columns = "application_key, is_bad, outcome_known_on, outcome_source, is_mature"
    before = read(folder / APPLICATIONS, columns)
    with connect(settings) as connection:
        connection.execute(
            f"delete from features.feat_borrower_month where month > '{built_to}'"
        )
    again = export_features(settings, run_id="again", month=MARCH).folder
    assert read(again / APPLICATIONS, columns) == before


def test_only_the_newest_runs_keep_their_files(settings: Settings, folder: Path) -> None:
    for run_id in ("second", "third"):
        export_features(settings, run_id=run_id, month=MARCH)
    kept = {run.name for run in run_folder(settings, "any").parent.iterdir()}
    assert kept == {"second", "third"}


def test_features_that_were_not_built_are_named(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match="features have not been built"):
        export_features(settings, run_id="run", month=MARCH)
