"""A small warehouse in which every check of every suite has something to judge."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from comove.audit import ensure_tables
from comove.connection import connect
from comove.settings import Settings

GOOD_WAREHOUSE = Path(__file__).with_name("good_warehouse.sql")

Execute = Callable[..., None]
Results = Callable[[str], dict[str, dict[str, Any]]]
WriteSuite = Callable[..., Path]


def fill(settings: Settings, borrowers: int = 1_500) -> None:
    """Write the warehouse of `good_warehouse.sql`, two deliveries of equal kind."""
    sql = GOOD_WAREHOUSE.read_text().replace("{borrowers}", str(borrowers))
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute(sql)


@pytest.fixture(scope="session")
def filled_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse file that every test starts from."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("filled"))
    fill(settings)
    return settings.places.warehouse


@pytest.fixture
def warehouse(settings: Settings, filled_warehouse: Path) -> Settings:
    """Settings of a home whose warehouse passes every gate."""
    settings.places.make()
    shutil.copyfile(filled_warehouse, settings.places.warehouse)
    return settings


@pytest.fixture
def execute(settings: Settings) -> Execute:
    """Change the warehouse of the test."""

    def run(*statements: str) -> None:
        with connect(settings) as connection:
            ensure_tables(connection)
            for statement in statements:
                connection.execute(statement)

    return run


@pytest.fixture
def results(settings: Settings) -> Results:
    """What has been recorded for the run ``run``, by name of the check."""

    def read(stage: str) -> dict[str, dict[str, Any]]:
        with connect(settings) as connection:
            rows = connection.execute(
                "select * from audit.quality_result where run_id = 'run' and stage = ?",
                [stage],
            ).df()
        return {row["check_name"]: row for row in rows.to_dict("records")}

    return read


@pytest.fixture
def write_suite(tmp_path: Path) -> WriteSuite:
    """Write a suite of one check about one table; answers its folder."""

    def write(*, table: dict[str, Any] | None = None, **check: Any) -> Path:
        described = {
            "stage": "marts",
            "about": "A suite of a test.",
            "tables": {"things": table or {"about": "One thing.", "query": "select 1 a"}},
            "checks": [
                {
                    "name": "All is well",
                    "table": "things",
                    "severity": "critical",
                    "why": "It should be.",
                    "remedy": "Make it so.",
                    **check,
                }
            ],
        }
        folder = tmp_path / "suites"
        folder.mkdir(exist_ok=True)
        (folder / "marts.yml").write_text(yaml.safe_dump(described))
        return folder

    return write
