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
from comove.warehouse import build, run_dbt
from comove.warehouse.build import build_features

SEED = 20_261_122
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


def compiled(settings: Settings) -> tuple[Model, ...]:
    """Models after staging, in the order in which they can be made."""
    folder = settings.places.scratch / "dbt" / "runs" / "by-hand"
    nodes = json.loads((folder / "manifest.json").read_text())["nodes"]
    wanted = {
        key: node
        for key, node in nodes.items()
        if node["resource_type"] == "model"
        and node["original_file_path"].startswith(STAGES)
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
    build_features(settings, run_id="all", month=HORIZON)
    outcome = run_dbt(settings, ["compile"], log_level="none")
    assert outcome.success, outcome.exception
    return Built(tables, settings, compiled(settings))
