"""A small published copy, and the pages over it."""

import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient
from tests.pages.small_copy import publish_small

from comove.pages.app import make_app
from comove.settings import Settings


@pytest.fixture
def published(settings: Settings) -> Settings:
    return publish_small(settings)


@pytest.fixture
def site(published: Settings) -> TestClient:
    """A reader who is logged in."""
    return TestClient(make_app(published, lambda: None))


@pytest.fixture
def stranger(published: Settings) -> TestClient:
    """A reader whom the guard turns away."""

    def refuse() -> None:
        raise HTTPException(401, "Log in first.")

    return TestClient(make_app(published, refuse))
