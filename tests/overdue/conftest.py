"""A small home made without dbt, for every test here."""

import shutil
from pathlib import Path

import pytest
from tests.overdue.small_home import open_home

from comove.settings import Settings


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of the small home, which every test starts from."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("small"))
    return open_home(settings).places.warehouse


@pytest.fixture
def home(settings: Settings, small_file: Path) -> Settings:
    """Settings of a small home of the test's own."""
    settings.places.make()
    shutil.copyfile(small_file, settings.places.warehouse)
    return settings
