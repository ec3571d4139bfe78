"""When runs of the warehouse are due, and for which month."""

import datetime as dt

import pendulum
import pytest
from airflow.timetables.base import DagRunInfo, TimeRestriction

from comove_airflow import timetable
from comove_airflow.timetable import LastCompleteMonth

NOW = pendulum.datetime(2026, 11, 22, 12)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timetable, "utcnow", lambda: NOW)
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: NOW)


def scheduled(
    start: pendulum.DateTime | None, *, catchup: bool, count: int
) -> list[DagRunInfo]:
    runs: list[DagRunInfo] = []
    restriction = TimeRestriction(start, None, catchup)
    for _ in range(count):
        info = LastCompleteMonth().next_dagrun_info_v2(
            last_dagrun_info=runs[-1] if runs else None, restriction=restriction
        )
        assert info is not None
        runs.append(info)
    return runs


def backfilled(first: dt.date, last: dt.date) -> list[DagRunInfo]:
    between = {
        name: pendulum.datetime(day.year, day.month, day.day)
        for name, day in (("earliest", first), ("latest", last))
    }
    return list(LastCompleteMonth().iter_partition_dagrun_infos(**between))


def test_without_a_start_nothing_is_due_before_the_next_day() -> None:
    (run,) = scheduled(None, catchup=False, count=1)
    assert run.run_after == pendulum.datetime(2026, 11, 23, 5)
    assert run.partition_key == "2026-10"


def test_nothing_is_due_by_itself_shortly_after_the_hour_of_the_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    early = pendulum.datetime(2026, 11, 22, 5, 30)
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: early)
    (run,) = scheduled(None, catchup=False, count=1)
    assert run.run_after == pendulum.datetime(2026, 11, 23, 5)


def test_the_first_of_a_month_builds_the_month_that_has_just_ended() -> None:
    infos = scheduled(pendulum.datetime(2026, 11, 30, 6), catchup=False, count=1)
    assert [(i.run_after.day, i.partition_key) for i in infos] == [(1, "2026-11")]


def test_catching_up_runs_each_month_once_and_then_daily() -> None:
    runs = scheduled(pendulum.datetime(2026, 8, 1), catchup=True, count=6)
    assert [run.partition_key for run in runs] == [
        "2026-07",
        "2026-08",
        "2026-09",
        "2026-10",
        "2026-10",
        "2026-10",
    ]
    # The month of today is caught up at its first run, then taken up again today.
    assert [run.run_after.to_date_string() for run in runs[3:]] == [
        "2026-11-01",
        "2026-11-22",
        "2026-11-23",
    ]


def test_a_backfill_has_one_run_per_month_due_when_the_month_was_over() -> None:
    runs = backfilled(dt.date(2026, 1, 1), dt.date(2026, 3, 31))
    assert [run.partition_key for run in runs] == ["2026-01", "2026-02", "2026-03"]
    assert runs[0].run_after == pendulum.datetime(2026, 2, 1, 5)
    assert runs[0].partition_date == pendulum.datetime(2026, 1, 1)


def test_a_backfill_takes_only_months_that_begin_in_its_range() -> None:
    runs = backfilled(dt.date(2026, 1, 2), dt.date(2026, 2, 1))
    assert [run.partition_key for run in runs] == ["2026-02"]


def test_a_backfill_leaves_out_months_that_are_not_over() -> None:
    runs = backfilled(dt.date(2026, 10, 1), dt.date(2026, 12, 31))
    assert [run.partition_key for run in runs] == ["2026-10"]


def test_a_partition_key_names_the_first_of_its_month() -> None:
    found = LastCompleteMonth().resolve_partition_date("2026-09")
    assert found == pendulum.datetime(2026, 9, 1)


def test_it_survives_being_stored() -> None:
    stored = LastCompleteMonth("30 4 * * *").serialize()
    assert LastCompleteMonth.deserialize(stored).serialize() == stored
