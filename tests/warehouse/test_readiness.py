"""What may be built upon: marts that were built, judged and published."""

import datetime as dt

import pytest

from comove.audit import ensure_tables
from comove.connection import connect, utc_now
from comove.errors import GateFailedError, WarehouseBusyError, WarehouseError
from comove.settings import Settings
from comove.warehouse import publish, require_built, require_published_marts
from comove.warehouse.window import note_built, request_build

MARCH, APRIL = dt.date(2024, 3, 1), dt.date(2024, 4, 1)


def build(settings: Settings, run_id: str, *, is_finished: bool = True) -> None:
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute(
            "create table if not exists audit.reconciliation (batch_id varchar)"
        )
        connection.execute("create table if not exists marts.dim_borrower (key int)")
        request_build(connection, month=MARCH, full_refresh=False, logic="")
        if is_finished:
            note_built(connection, run_id)


def fail_a_check(settings: Settings, run_id: str, severity: str) -> None:
    with connect(settings) as connection:
        connection.execute(
            """
            insert into audit.quality_result
                (run_id, stage, check_name, severity, success, checked_at)
            values (?, 'marts', 'months_are_whole', ?, false, ?)
            """,
            [run_id, severity, utc_now()],
        )


def test_marts_that_were_published_may_be_used(settings: Settings) -> None:
    build(settings, "day 1")
    fail_a_check(settings, "day 1", "warning")
    publish(settings, run_id="day 1", month=MARCH)
    require_published_marts(settings, MARCH)


def test_before_the_first_build_the_dag_to_run_is_named(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match=r"not all built.*Run the DAG `warehouse`"):
        require_built(settings)


def test_a_build_that_was_broken_off_is_not_enough(settings: Settings) -> None:
    build(settings, "day 1", is_finished=False)
    with pytest.raises(WarehouseError, match="not all built"):
        require_published_marts(settings, MARCH)


def test_a_month_after_the_last_one_built_is_refused(settings: Settings) -> None:
    build(settings, "day 1")
    with pytest.raises(WarehouseError, match=r"end with 2024-03.*for 2024-04"):
        require_published_marts(settings, APRIL)


def test_marts_that_failed_their_gate_are_refused(settings: Settings) -> None:
    build(settings, "day 1")
    publish(settings, run_id="day 1", month=MARCH)
    build(settings, "day 2")
    fail_a_check(settings, "day 2", "critical")
    with pytest.raises(GateFailedError, match="'day 2' failed months_are_whole"):
        require_published_marts(settings, MARCH)


def test_marts_that_wait_for_their_gate_are_worth_another_try(settings: Settings) -> None:
    build(settings, "day 1")
    publish(settings, run_id="day 1", month=MARCH)
    build(settings, "day 2")
    with pytest.raises(WarehouseBusyError, match="'day 2' has built the marts and not"):
        require_published_marts(settings, MARCH)
