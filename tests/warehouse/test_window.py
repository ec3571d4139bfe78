"""Which months a build is asked to make."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from comove.audit.tables import ensure_tables
from comove.errors import WarehouseError
from comove.warehouse import window
from comove.warehouse.window import (
    BuildRequest,
    last_request,
    logic_hash,
    note_built,
    request_build,
)

JANUARY, MARCH, APRIL, MAY = (dt.date(2024, month, 1) for month in (1, 3, 4, 5))


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    ensure_tables(connection)
    connection.execute("create table audit.reconciliation (batch_id varchar)")
    yield connection
    connection.close()


def ask(
    warehouse: duckdb.DuckDBPyConnection,
    month: dt.date,
    *,
    full_refresh: bool = False,
    logic: str = "as before",
) -> BuildRequest:
    return request_build(warehouse, month=month, full_refresh=full_refresh, logic=logic)


def have_built(warehouse: duckdb.DuckDBPyConnection, *months: dt.date) -> None:
    warehouse.execute("create or replace table marts.fct_loan_month (month date)")
    for month in months:
        warehouse.execute("insert into marts.fct_loan_month values (?)", [month])
    note_built(warehouse, "run")


def test_the_first_build_makes_every_month(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    assert ask(warehouse, MARCH) == BuildRequest(MARCH, horizon=MARCH, build_from=None)


def test_the_next_month_is_built_alone(warehouse: duckdb.DuckDBPyConnection) -> None:
    ask(warehouse, MARCH)
    have_built(warehouse, JANUARY, MARCH)
    assert ask(warehouse, APRIL) == BuildRequest(APRIL, horizon=APRIL, build_from=APRIL)


def test_skipped_months_are_built_too(warehouse: duckdb.DuckDBPyConnection) -> None:
    ask(warehouse, MARCH)
    have_built(warehouse, MARCH)
    assert ask(warehouse, MAY).build_from == APRIL


def test_an_earlier_month_takes_the_later_ones_along(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    ask(warehouse, APRIL)
    have_built(warehouse, APRIL)
    assert ask(warehouse, MARCH) == BuildRequest(MARCH, horizon=APRIL, build_from=MARCH)


def test_a_full_refresh_keeps_the_horizon(warehouse: duckdb.DuckDBPyConnection) -> None:
    ask(warehouse, APRIL)
    have_built(warehouse, APRIL)
    request = ask(warehouse, MARCH, full_refresh=True)
    assert request == BuildRequest(MARCH, horizon=APRIL, build_from=None)


def test_a_change_of_settings_or_sql_builds_every_month_anew(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    ask(warehouse, MARCH)
    have_built(warehouse, MARCH)
    assert ask(warehouse, APRIL, logic="changed").is_full


def test_a_build_that_broke_off_is_taken_up_from_its_first_month(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    ask(warehouse, MARCH)
    have_built(warehouse, MARCH)
    ask(warehouse, APRIL)
    warehouse.execute("insert into marts.fct_loan_month values (?)", [APRIL])
    assert ask(warehouse, MAY).build_from == APRIL


def test_a_first_build_that_broke_off_begins_again(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    ask(warehouse, MARCH)
    warehouse.execute(
        "create table marts.fct_loan_month as select ?::date as month", [MARCH]
    )
    assert ask(warehouse, APRIL).is_full


def test_batches_are_noted_once(warehouse: duckdb.DuckDBPyConnection) -> None:
    ask(warehouse, MARCH)
    warehouse.execute("insert into audit.reconciliation values ('b1'), ('b1')")
    have_built(warehouse, MARCH)
    warehouse.execute("insert into audit.reconciliation values ('b2')")
    note_built(warehouse, "later run")
    assert warehouse.execute(
        "select batch_id, run_id from audit.built_batch order by 1"
    ).fetchall() == [("b1", "run"), ("b2", "later run")]


def test_a_day_within_a_month_is_refused(warehouse: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(WarehouseError, match=r"2024-03-15 .* Ask for 2024-03-01"):
        ask(warehouse, dt.date(2024, 3, 15))


def test_the_logic_changes_with_the_variables() -> None:
    assert logic_hash({"event_dpd_days": 30}) == logic_hash({"event_dpd_days": 30})
    assert logic_hash({"event_dpd_days": 30}) != logic_hash({"event_dpd_days": 60})


def test_the_logic_of_the_marts_is_not_that_of_features_and_risk_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "project_root", lambda: tmp_path)

    def hash_after_writing(name: str) -> str:
        file = tmp_path / "dbt_project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("select 1")
        return logic_hash({})

    before = hash_after_writing("models/marts/fct_loan.sql")
    assert hash_after_writing("models/features/feat_application.sql") == before
    assert hash_after_writing("models/risk/residual.sql") == before
    assert hash_after_writing("models/marts/dim_borrower.sql") != before


def test_the_last_request_counts_once_its_build_has_ended_well(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    assert last_request(warehouse) is None
    asked = ask(warehouse, MARCH)
    assert last_request(warehouse) is None
    have_built(warehouse, MARCH)
    assert last_request(warehouse) == asked
