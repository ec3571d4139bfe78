"""A home with the small lender in its warehouse."""

import shutil
from pathlib import Path

import pytest
from tests.recalibration.small_lender import open_lender

from comove.settings import Settings


@pytest.fixture(scope="session")
def lender_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small lender's warehouse, which every test starts from."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("lender"))
    return open_lender(settings).places.warehouse


@pytest.fixture
def lender(settings: Settings, lender_file: Path) -> Settings:
    """Settings of a home with the small lender in its warehouse."""
    settings.places.make()
    shutil.copyfile(lender_file, settings.places.warehouse)
    return settings
