"""Months built in any order, with late rows between, equal months built at once."""

import datetime as dt
import json
from itertools import permutations
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from tests.conftest import SettingsMaker
from tests.marts.conftest import Built
from tests.marts.lender import HORIZON, Tables, deliver

from comove.landing import land
from comove.settings import Settings
from comove.warehouse import build

MONTHS = (dt.date(2024, 4, 1), dt.date(2024, 5, 1), HORIZON)
MARTS = ("fct_loan_month", "fct_borrower_month")
RERUN = (
    "int_instalment",
    "int_loan_life",
    "int_restructuring",
    "int_loan_arrears",
    "int_loan_month",
    "int_borrower_month",
)
VIEWS = {"int_restructuring", "int_loan_arrears", "int_borrower_month"}
# The columns of every mart stand in a fixed order, so that rows can be compared whole.
DIFFERENCE = """
    select count(*) from (
        (select * from marts.{0} except all select * from kept.{0})
        union all
        (select * from kept.{0} except all select * from marts.{0})
    )
"""


def compiled(built: Built) -> dict[str, str]:
    """SQL of each model as dbt made it for the build."""
    folder = built.settings.places.scratch / "dbt" / "runs" / "all"
    nodes = json.loads((folder / "manifest.json").read_text())["nodes"].values()
    return {
        node["name"]: Path(
            folder, "compiled", "comove", node["original_file_path"]
        ).read_text()
        for node in nodes
        if node["resource_type"] == "model" and node["name"] in {*RERUN, *MARTS}
    }


class _Replay:
    """Builds months as the warehouse does, from rows that arrive step by step."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, sql: dict[str, str]
    ) -> None:
        self.connection = connection
        self.sql = sql
        for mart in MARTS:
            self._do("create schema if not exists kept")
            self._do(f"create table kept.{mart} as from marts.{mart}")
            self._do(f"delete from marts.{mart}")
        for entity in ("int_repayment", "int_loan_event"):
            self._do(f"create table kept.{entity} as from intermediate.{entity}")
            self._do(f"delete from intermediate.{entity}")

    def _do(self, sql: str) -> None:
        self.connection.execute(sql)

    def _month(self, sql: str) -> dt.date | None:
        return self.connection.execute(sql).fetchall()[0][0]

    def arrive(self, step: int) -> dt.date | None:
        """Let a third of the rows arrive; the first month they touch."""
        self._do(
            "insert into intermediate.int_repayment select * from kept.int_repayment "
            f"where (loan_no * 31 + instalment_no * 7 + payment_no) % 3 = {step}"
        )
        self._do(
            "insert into intermediate.int_loan_event select * from kept.int_loan_event "
            f"where (loan_no + day(occurred_on)) % 3 = {step}"
        )
        return self._month(
            f"""
            select cast(date_trunc('month', min(touched_on)) as date) from (
                select least(due_on, paid_on) as touched_on from kept.int_repayment
                where (loan_no * 31 + instalment_no * 7 + payment_no) % 3 = {step}
                union all
                select occurred_on from kept.int_loan_event
                where (loan_no + day(occurred_on)) % 3 = {step}
            )
            """
        )

    def build(self, month: dt.date, touched: dt.date | None) -> None:
        last = self._month("select max(month) from marts.fct_loan_month")
        first = self._month("select min(disbursed_on) from intermediate.int_loan")
        horizon = max(month, last or month)
        start = min(month, touched or month) if last else first.replace(day=1)
        self._do(
            "create or replace table intermediate.int_rebuild_window as select "
            f"date '{start:%Y-%m-%d}' as rebuild_from, date '{horizon}' as horizon"
        )
        for model in RERUN:
            kind = "view" if model in VIEWS else "table"
            self._do(
                f"create or replace {kind} intermediate.{model} as {self.sql[model]}"
            )
        for mart in MARTS:
            self._do(f"delete from marts.{mart} where month >= '{start:%Y-%m-%d}'")
            self._do(f"insert into marts.{mart} by name {self.sql[mart]}")

    def differences(self) -> dict[str, int]:
        """Rows in which the marts differ from those built at once."""
        return {
            mart: self.connection.execute(DIFFERENCE.format(mart)).fetchall()[0][0]
            for mart in MARTS
        }


@pytest.mark.parametrize("order", list(permutations(MONTHS)))
def test_any_order_of_months_gives_the_same_rows(
    built: Built,
    warehouse_copy: duckdb.DuckDBPyConnection,
    order: tuple[dt.date, ...],
) -> None:
    replay = _Replay(warehouse_copy, compiled(built))
    for step, month in enumerate(order):
        replay.build(month, replay.arrive(step))
    assert replay.differences() == dict.fromkeys(MARTS, 0)


def thirds(tables: Tables) -> list[Tables]:
    """The lender's rows in three deliveries; loans before their repayments."""
    parts = []
    for step in range(3):
        rows = {
            entity: table[table.index % 3 == step]
            for entity, table in tables.items()
            if entity in ("repayments", "loan_events")
        }
        parts.append(rows)
    parts[0] |= {entity: tables[entity] for entity in ("borrowers", "loans")}
    return parts


def rows_of(settings: Settings, mart: str) -> pd.DataFrame:
    key = "loan_key" if mart == "fct_loan_month" else "borrower_key"
    rows = Built({}, settings).read(f"select * from marts.{mart}")
    return rows.sort_values([key, "month"], ignore_index=True)


def test_late_rows_and_earlier_months_are_built_into_what_stands(
    built: Built, make_settings: SettingsMaker
) -> None:
    settings = make_settings()
    key = built.settings.places.secret("id_key")
    secret = settings.places.root / "secrets" / "id_key"
    secret.parent.mkdir(parents=True)
    # The same key, or no row of one home could be told in the other.
    secret.write_text(key)
    order = (MONTHS[1], MONTHS[2], MONTHS[0])
    for step, (month, rows) in enumerate(zip(order, thirds(built.tables), strict=True)):
        deliver(rows, settings.data_folder, f"part_{step}")
        land(settings, run_id=f"run_{step}")
        build(settings, run_id=f"run_{step}", month=month)
    for mart in MARTS:
        pd.testing.assert_frame_equal(
            rows_of(settings, mart), rows_of(built.settings, mart)
        )
