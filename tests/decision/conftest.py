"""A lender with cases, and the same after its applications were decided."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.decision.small_lender import open_lender, planted_cases, publish, run

from comove.settings import Settings

HomeMaker = Callable[[], Settings]


@pytest.fixture(scope="session")
def decided_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a lender whose applications up to June 2024 were decided."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("decided"))
    open_lender(settings, planted_cases())
    run(settings)
    publish(settings)
    return settings.places.root


@pytest.fixture
def lender(decided_home: Path, tmp_path: Path) -> Settings:
    """Settings of a copy of it."""
    home = tmp_path / "home"
    shutil.copytree(decided_home, home)
    return Settings(portfolio="contract", home=home)
