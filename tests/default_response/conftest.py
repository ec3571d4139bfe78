"""A bank whose events have been found, linked and responded to, in one call each."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.default_response.small_bank import MONTH, links, open_bank

from comove.default_response.events import EventReport, find_events
from comove.default_response.linking import LinkReport, LinkSource, link_debtors
from comove.default_response.request import Wish
from comove.default_response.respond import ResponseReport, respond
from comove.default_response.scratch import run_folder
from comove.settings import Settings

Respond = Callable[..., ResponseReport]


@pytest.fixture(scope="session")
def bank_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small bank's warehouse, which every test starts from."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("bank"))
    return open_bank(settings).places.warehouse


@pytest.fixture
def bank(settings: Settings, bank_file: Path) -> Settings:
    """Settings of a home with the small bank in its warehouse."""
    settings.places.make()
    shutil.copyfile(bank_file, settings.places.warehouse)
    return settings


def find(settings: Settings, run_id: str = "run", **wish: Any) -> EventReport:
    """Find events of March, as the DAG does without a form."""
    return find_events(settings, run_id=run_id, wish=Wish(**{"month": MONTH, **wish}))


def link(
    settings: Settings, source: LinkSource | None = None, run_id: str = "run"
) -> LinkReport:
    """Link the run's events, by default as a ring is linked."""
    folder = run_folder(settings, run_id)
    return link_debtors(settings, folder, source or links(), tell=lambda _: None)


@pytest.fixture
def response(bank: Settings) -> Respond:
    """Find, link and respond; answers what the last of them reports."""

    def run(
        source: LinkSource | None = None, *, run_id: str = "run", **wish: Any
    ) -> ResponseReport:
        if find(bank, run_id, **wish).events:
            link(bank, source, run_id)
        return respond(bank, run_id=run_id)

    return run
