import datetime as dt
import json

import duckdb
import pytest

from comove.audit import close_run, ensure_tables, open_run
from comove.connection import connect, connect_serving
from comove.errors import WarehouseError
from comove.settings import Settings
from comove.warehouse import publish, refresh_published_audit

MONTH = dt.date(2024, 3, 1)


def build_marts(settings: Settings, rows: int) -> None:
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute(
            f"create or replace table marts.dim_borrower as "
            f"select range as borrower_key from range({rows})"
        )


def published_rows(settings: Settings) -> int:
    with connect_serving(settings) as connection:
        return connection.execute("select count(*) from marts.dim_borrower").fetchone()[0]


def test_publishing_counts_the_rows_of_every_table(settings: Settings) -> None:
    build_marts(settings, rows=3)
    report = publish(settings, run_id="r1", month=MONTH)
    assert report.tables["marts.dim_borrower"] == 3
    assert published_rows(settings) == 3


def test_each_published_table_says_which_run_made_it(settings: Settings) -> None:
    build_marts(settings, rows=3)
    publish(settings, run_id="r1", month=MONTH)
    with connect_serving(settings) as connection:
        noted = connection.execute(
            "select run_id, month, rows_published from audit.published_table "
            "where table_name = 'dim_borrower'"
        ).fetchall()
    assert noted == [("r1", MONTH, 3)]


def test_an_open_reader_keeps_the_old_copy(settings: Settings) -> None:
    build_marts(settings, rows=3)
    publish(settings, run_id="r1", month=MONTH)
    with connect_serving(settings) as reader:
        build_marts(settings, rows=5)
        publish(settings, run_id="r2", month=MONTH)
        assert reader.execute("select count(*) from marts.dim_borrower").fetchone() == (
            3,
        )
    assert published_rows(settings) == 5


def test_publishing_without_marts_is_refused(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match=r"no marts to publish.*Run the task"):
        publish(settings, run_id="r1", month=MONTH)


def test_a_failed_run_shows_its_audit_beside_the_old_tables(settings: Settings) -> None:
    build_marts(settings, rows=3)
    publish(settings, run_id="good", month=MONTH)
    build_marts(settings, rows=99)
    open_run(settings, run_id="bad", dag_id="warehouse", month=MONTH)
    close_run(settings, "bad", "failed")
    refresh_published_audit(settings)
    assert published_rows(settings) == 3
    with connect_serving(settings) as connection:
        runs = connection.execute("select run_id, status from audit.run").fetchall()
    assert runs == [("bad", "failed")]


def test_a_half_written_copy_of_a_killed_run_is_cleared_away(settings: Settings) -> None:
    build_marts(settings, rows=3)
    left_over = settings.places.serving.parent / "comove.123.fresh"
    left_over.write_text("half a database")
    publish(settings, run_id="r1", month=MONTH)
    assert [file.name for file in left_over.parent.iterdir()] == ["comove.duckdb"]


def test_personal_data_of_quarantined_rows_is_masked(settings: Settings) -> None:
    build_marts(settings, rows=1)
    raw = {"borrower_id": "B1", "name": "Ada", "region": "North", "_extra": None}
    with connect(settings) as connection:
        connection.execute(
            "create table audit.quarantine as "
            "select 'borrowers' as entity, 'negative_monthly_income' as rule, "
            "unnest([?, 'B2;Bob']) as raw",
            [json.dumps(raw)],
        )
    publish(settings, run_id="r1", month=MONTH)
    with connect_serving(settings) as connection:
        rows = connection.execute("select raw from audit.quarantine").fetchall()
    masked = json.loads(rows[0][0])
    assert masked["region"] == "North"
    assert masked["name"] == masked["borrower_id"] == "***"
    assert rows[1] == ("***",)


@pytest.mark.parametrize(
    ("rule", "raw"),
    [
        # A comma in the name has moved every value after it by one column.
        ("unreadable_born_or_founded_on", {"region": "Ada", "_extra": None}),
        ("unknown_value_kind", {"region": "Ada", "_extra": None}),
        ("missing_kind", {"region": "Ada", "_extra": None}),
        # A line of JSON in a CSV file.
        ("too_few_fields", {"full_name": "Ada"}),
    ],
)
def test_rows_whose_values_may_stand_in_wrong_columns_are_masked_whole(
    settings: Settings, rule: str, raw: dict[str, str | None]
) -> None:
    build_marts(settings, rows=1)
    with connect(settings) as connection:
        connection.execute(
            "create table audit.quarantine as "
            "select 'borrowers' as entity, ? as rule, ? as raw",
            [rule, json.dumps(raw)],
        )
    publish(settings, run_id="r1", month=MONTH)
    with connect_serving(settings) as connection:
        rows = connection.execute("select raw from audit.quarantine").fetchall()
    assert rows == [("***",)]


def test_reading_before_anything_is_published_says_what_to_do(settings: Settings) -> None:
    with (
        pytest.raises(WarehouseError, match="nothing has been published yet"),
        connect_serving(settings),
    ):
        pass


def test_a_file_that_is_no_database_is_named(settings: Settings) -> None:
    settings.places.make()
    settings.places.warehouse.write_text("not a database" * 1000)
    with (
        pytest.raises(WarehouseError, match=r"comove\.duckdb.*cannot be opened"),
        connect(settings),
    ):
        pass


def test_waiting_ends_once_the_other_process_lets_go(settings: Settings) -> None:
    with connect(settings) as first:
        first.execute("create table held as select 1 as one")
    with connect(settings, read_only=True) as second:
        assert isinstance(second, duckdb.DuckDBPyConnection)


def test_a_run_publishes_only_what_its_own_gates_have_passed(settings: Settings) -> None:
    build_marts(settings, rows=3)
    publish(settings, run_id="warehouse", month=MONTH)
    build_marts(settings, rows=9)
    make_predictions(settings, rows=2)
    report = publish(settings, run_id="risk", month=MONTH, schemas=("risk", "audit"))
    assert published_rows(settings) == 3
    assert report.tables["risk.pd_prediction"] == 2
    assert published_by(settings) == {
        "dim_borrower": "warehouse",
        "pd_prediction": "risk",
    }


def test_tables_that_another_gate_judges_are_a_part_of_their_own(
    settings: Settings,
) -> None:
    build_marts(settings, rows=3)
    make_predictions(settings, rows=2)
    with connect(settings) as connection:
        connection.execute("create table marts.fct_copula_cell as select 1 as n")
        connection.execute("create table risk.joint_risk_index as select 1 as n")
        connection.execute("create table risk.default_event as select 1 as n")
    publish(settings, run_id="warehouse", month=MONTH, schemas=("marts", "audit"))
    publish(settings, run_id="risk", month=MONTH, schemas=("risk", "audit"))
    before = {"dim_borrower": "warehouse", "pd_prediction": "risk"}
    assert published_by(settings) == before
    joint = ("cells", "joint_risk", "audit")
    publish(settings, run_id="joint", month=MONTH, schemas=joint)
    assert published_by(settings) == before | {
        "fct_copula_cell": "joint",
        "joint_risk_index": "joint",
    }


def test_tables_the_warehouse_no_longer_holds_leave_the_copy(settings: Settings) -> None:
    build_marts(settings, rows=3)
    make_predictions(settings, rows=2)
    publish(settings, run_id="risk", month=MONTH)
    settings.places.warehouse.unlink()
    build_marts(settings, rows=5)
    publish(settings, run_id="other", month=MONTH, schemas=("marts", "audit"))
    assert published_by(settings) == {"dim_borrower": "other"}


def make_predictions(settings: Settings, rows: int) -> None:
    with connect(settings) as connection:
        connection.execute(
            f"create table risk.pd_prediction as "
            f"select range as borrower_key from range({rows})"
        )


def published_by(settings: Settings) -> dict[str, str]:
    with connect_serving(settings) as connection:
        return dict(
            connection.execute(
                """
                select table_name, run_id
                from duckdb_tables() inner join audit.published_table
                    using (schema_name, table_name)
                where schema_name in ('marts', 'risk')
                """
            ).fetchall()
        )
