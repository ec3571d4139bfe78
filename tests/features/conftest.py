"""One random lender with its features, built once for all tests here."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from tests.features.lender import random_full_lender
from tests.marts.lender import HORIZON, Tables, deliver

from comove.connection import connect
from comove.landing import land
from comove.settings import Settings
from comove.warehouse import Part, build, build_part, run_dbt

SEED = 20_261_122
# Of features, what is to be predicted: it may know the future.
LABELS = ["is_bad", "outcome_known_on", "is_mature", "outcome_source", "is_event"]
# The months to build are those of the first build, whatever is changed later.
KEPT = {"int_rebuild_window"}
STAGES = ("models/intermediate/", "models/marts/", "models/features/")
KINDS = {"table": "table", "view": "view", "incremental": "table"}


@dataclass(frozen=True)
class Model:
    """A dbt model as it was compiled."""

    table: str
    kind: str
    sql: str


@dataclass(frozen=True)
class Built:
    """A lender's rows, the warehouse made of them, and how it is made."""

    tables: Tables
    settings: Settings
    models: tuple[Model, ...]

    def read(self, sql: str) -> pd.DataFrame:
        """Rows of a query on the warehouse."""
        with connect(self.settings, read_only=True) as connection:
            return connection.execute(sql).df()

    @contextmanager
    def changed(self, folder: Path, *changes: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a copy in which everything is made anew after changes of the sources."""
        copy = folder / self.settings.places.warehouse.name
        copy.write_bytes(self.settings.places.warehouse.read_bytes())
        with duckdb.connect(str(copy)) as connection:
            for change in changes:
                connection.execute(change)
            for model in self.models:
                connection.execute(
                    f"create or replace {model.kind} {model.table} as {model.sql}"
                )
            yield connection


def compiled(settings: Settings, stages: tuple[str, ...] = STAGES) -> tuple[Model, ...]:
    """Models after staging, in the order in which they can be made."""
    folder = settings.places.scratch / "dbt" / "runs" / "by-hand"
    nodes = json.loads((folder / "manifest.json").read_text())["nodes"]
    wanted = {
        key: node
        for key, node in nodes.items()
        if node["resource_type"] == "model"
        and node["original_file_path"].startswith(stages)
        and node["name"] not in KEPT
    }
    done: dict[str, Model] = {}

    def add(key: str) -> None:
        if key not in wanted or key in done:
            return
        node = wanted[key]
        for parent in node["depends_on"]["nodes"]:
            add(parent)
        path = folder / "compiled" / "comove" / node["original_file_path"]
        done[key] = Model(
            f"{node['schema']}.{node['name']}",
            KINDS[node["config"]["materialized"]],
            path.read_text(),
        )

    for key in wanted:
        add(key)
    return tuple(done.values())


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The random lender, every month built at once, with its features."""
    settings = Settings(
        portfolio="contract", home=tmp_path_factory.mktemp("features") / "home"
    )
    tables = random_full_lender(SEED)
    deliver(tables, settings.data_folder, "all")
    land(settings, run_id="all")
    build(settings, run_id="all", month=HORIZON)
    build_part(Part.FEATURES, settings, run_id="all", month=HORIZON)
    outcome = run_dbt(settings, ["compile"], log_level="none")
    assert outcome.success, outcome.exception
    return Built(tables, settings, compiled(settings))


def of_months(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Features of borrower-months, by both keys."""
    rows = connection.execute("from features.feat_borrower_month").df()
    return rows.set_index(["month", "borrower_key"]).sort_index()


def of_applications(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Features of applications, by key."""
    rows = connection.execute("from features.feat_application").df()
    return rows.set_index("application_key").sort_index()


@pytest.fixture(scope="session")
def as_built(
    built: Built, tmp_path_factory: pytest.TempPathFactory
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features of months and of applications, made anew without a change."""
    with built.changed(tmp_path_factory.mktemp("as_built")) as connection:
        return of_months(connection), of_applications(connection)
