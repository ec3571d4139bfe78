"""A home with a handful of overdue borrowers, made without dbt."""

import datetime as dt
import json
from pathlib import Path

import duckdb
from tests.overdue.rendered import decision_sql

from comove.audit import ensure_tables
from comove.connection import connect, literal
from comove.home import project_root
from comove.overdue.cases import CHECKS, MODELS, PROBABILITIES, run_folder
from comove.overdue.tables import ensure_overdue_tables
from comove.settings import Settings

MAY, JUNE, JULY = dt.date(2024, 5, 1), dt.date(2024, 6, 1), dt.date(2024, 7, 1)
ENDS = {MAY: "2024-05-31", JUNE: "2024-06-30", JULY: "2024-07-31"}
ANN, BOB, CAT, NOT_OVERDUE = (letter * 32 for letter in "abcd")
SEED = project_root() / "dbt_project" / "seeds" / "collection_strategies.csv"
# Liquid and fixed assets; everybody owes 600 for 31 days.
ASSETS = {ANN: (900, 300), BOB: (500, 400), CAT: (None, 9000)}
# What a model said of them at each month end; Cat was not overdue in May.
SAID = {ANN: 0.9, BOB: 0.8, CAT: 0.7}


def open_home(settings: Settings) -> Settings:
    """Make the warehouse; the data is known up to July 2024."""
    settings.places.make()
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_overdue_tables(connection)
        _make(connection)
    return settings


def _make(connection: duckdb.DuckDBPyConnection) -> None:
    for schema in ("marts", "features", "intermediate"):
        connection.execute(f"create schema if not exists {schema}")
    connection.execute(
        f"create table risk.collection_strategies as from read_csv({literal(SEED)})"
    )
    connection.execute("create table marts.dim_borrower (borrower_key varchar)")
    connection.executemany(
        "insert into marts.dim_borrower values (?)",
        [[key] for key in (ANN, BOB, CAT, NOT_OVERDUE)],
    )
    connection.execute(
        "create table intermediate.int_rebuild_window as "
        "select date '2022-01-01' as rebuild_from, date '2024-07-01' as horizon"
    )
    connection.execute(
        """
        create table features.feat_overdue_case (
            borrower_key varchar, as_of date, overdue_amount decimal(18, 2),
            days_overdue integer, liquid_assets double, fixed_assets double
        )
        """
    )
    rows = [
        [key, end, 600, 31, *ASSETS[key]]
        for month, end in ENDS.items()
        for key in ASSETS
        if (month, key) != (MAY, CAT)
    ]
    connection.executemany(
        "insert into features.feat_overdue_case values (?, ?, ?, ?, ?, ?)", rows
    )
    connection.execute(
        """
        create view features.feat_overdue_request as
        select cases.* from features.feat_overdue_case as cases
        inner join audit.overdue_request using (borrower_key, as_of)
        """
    )
    connection.execute(
        """
        create table risk.overdue_outcome as
        select borrower_key, as_of, as_of + 90 as outcome_known_on, overdue_amount,
            overdue_amount as repaid_amount, true as is_repaid
        from features.feat_overdue_case where as_of < date '2024-05-01'
        """
    )
    for name in ("case", "request"):
        view = "overdue_decision" if name == "case" else "overdue_decision_request"
        connection.execute(
            f"create view features.{view} as "
            + decision_sql(f"features.feat_overdue_{name}")
        )


def hand_on(settings: Settings, run_id: str, *months: dt.date, **said: float) -> Path:
    """Write what training hands on: probabilities of some months, and no new model."""
    folder = run_folder(settings, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODELS).write_text("[]")
    (folder / CHECKS).write_text("[]")
    rows = [
        (key, ENDS[month], said.get("p", p), 0.6, "m1", json.dumps([]), run_id)
        for month in months
        for key, p in SAID.items()
    ]
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table probabilities (
                borrower_key varchar, as_of date, repaid_probability double,
                recovery_share double, model_version varchar, model_reasons varchar,
                run_id varchar
            )
            """
        )
        if rows:
            connection.executemany(
                "insert into probabilities values (?, ?, ?, ?, ?, ?, ?)", rows
            )
        file = literal(folder / PROBABILITIES)
        connection.execute(f"copy probabilities to {file} (format parquet)")
    return folder


def rows(settings: Settings, query: str) -> list[tuple[object, ...]]:
    """Rows of a query on the warehouse."""
    with connect(settings, read_only=True) as connection:
        return connection.execute(query).fetchall()
