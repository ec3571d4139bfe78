import datetime as dt
import json
from collections.abc import Callable

from comove.audit import close_run, ensure_tables, last_success, open_run
from comove.audit.runs import input_hash
from comove.connection import connect
from comove.settings import Settings

MONTH = dt.date(2024, 3, 1)


def deliver(settings: Settings, *files: tuple[str, str]) -> None:
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.executemany(
            """
            insert into audit.delivery by name
            select ? as file, 'loans' as entity, ? as sha256, 1 as size_bytes,
                timestamp '2024-04-01' as modified_at, 1 as rows_landed,
                0 as rows_unreadable, 0 as rows_recoded, 'landed' as status,
                timestamp '2024-04-02' as landed_at, 'r' as run_id
            """,
            [list(file) for file in files],
        )


def test_a_run_is_recorded_with_what_it_takes_to_repeat_it(settings: Settings) -> None:
    open_run(settings, run_id="r1", dag_id="warehouse", month=MONTH)
    close_run(settings, "r1", "success")
    with connect(settings) as connection:
        row = connection.execute(
            "select dag_id, month, status, settings_hash, seed, git_sha is not null, "
            "finished_at >= started_at from audit.run"
        ).fetchone()
        versions = json.loads(
            connection.execute("select versions from audit.run").fetchone()[0]
        )
    assert row == (
        "warehouse",
        MONTH,
        "success",
        settings.fingerprint(),
        settings.seed,
        True,
        True,
    )
    assert versions["duckdb"].startswith("2.")


def test_a_retried_run_has_one_record(settings: Settings) -> None:
    open_run(settings, run_id="r1", dag_id="warehouse", month=MONTH)
    open_run(settings, run_id="r1", dag_id="warehouse", month=MONTH)
    with connect(settings) as connection:
        assert connection.execute("select count(*) from audit.run").fetchone() == (1,)


def test_the_input_hash_ignores_the_order_of_deliveries(make_settings) -> None:
    one, other = (make_settings(home=make_settings().home / name) for name in "ab")
    deliver(one, ("a.csv", "11"), ("b.csv", "22"))
    deliver(other, ("b.csv", "22"), ("a.csv", "11"))
    with connect(one) as first, connect(other) as second:
        assert input_hash(first) == input_hash(second)


def test_the_input_hash_changes_with_the_content(settings: Settings) -> None:
    deliver(settings, ("a.csv", "11"))
    with connect(settings) as connection:
        before = input_hash(connection)
    deliver(settings, ("b.csv", "22"))
    with connect(settings) as connection:
        assert input_hash(connection) != before


def test_the_seconds_of_each_stage_are_kept_in_order(settings: Settings) -> None:
    open_run(settings, run_id="r1", dag_id="warehouse", month=MONTH)
    seconds = {"land": 2.5, "build": 9.0}
    close_run(settings, "r1", "success", stage_seconds=seconds)
    close_run(settings, "r1", "success", stage_seconds=seconds)
    with connect(settings) as connection:
        kept = connection.execute(
            "select stage, seconds from audit.stage_time order by position"
        ).fetchall()
    assert dict(kept) == seconds
    assert [stage for stage, _ in kept] == ["land", "build"]


def test_the_settings_hash_ignores_where_the_machine_keeps_things(make_settings) -> None:
    assert make_settings(duckdb_threads=1).fingerprint() == make_settings().fingerprint()
    assert make_settings(seed=1).fingerprint() != make_settings().fingerprint()


def test_the_last_success_of_a_month_is_named(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings()
    for run_id, month, status in (
        ("first", MONTH, "success"),
        ("failed since", MONTH, "failed"),
        ("other month", dt.date(2024, 4, 1), "success"),
    ):
        open_run(settings, run_id=run_id, dag_id="risk_model", month=month)
        close_run(settings, run_id, status)
    assert last_success(settings, dag_id="risk_model", month=MONTH) == "first"
    assert last_success(settings, dag_id="warehouse", month=MONTH) is None
    others = make_settings(pd_refit_months=3)
    assert last_success(others, dag_id="risk_model", month=MONTH) is None
