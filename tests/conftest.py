"""What every test may use: settings with a home of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comove.settings import Settings

SettingsMaker = Callable[..., Settings]


@pytest.fixture
def make_settings(tmp_path: Path) -> SettingsMaker:
    """Settings whose home and files are in the test's own folder."""

    def make(**given: Any) -> Settings:
        return Settings(**{"home": tmp_path / "home", "portfolio": "contract", **given})

    return make


@pytest.fixture
def settings(make_settings: SettingsMaker) -> Settings:
    """Settings of a lender that brings its own files."""
    return make_settings()
