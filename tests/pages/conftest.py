"""A small published copy, and the pages over it as different readers see them."""

from collections.abc import Callable

import pytest
from fastapi import HTTPException, Request
from fastapi.testclient import TestClient
from tests.pages.small_copy import publish_small

from comove.pages.app import make_app
from comove.settings import Settings


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with the small copy, which tests only read."""
    home = tmp_path_factory.mktemp("home")
    return publish_small(Settings(portfolio="contract", home=home))


@pytest.fixture
def own(settings: Settings) -> Settings:
    """A home with the small copy, which a test may change."""
    return publish_small(settings)


@pytest.fixture(scope="session")
def site(published: Settings) -> TestClient:
    """A reader who is logged in, and may see single persons."""
    return site_of(published)


@pytest.fixture(scope="session")
def viewer(published: Settings) -> TestClient:
    """A reader who is logged in, and may not see single persons."""
    return site_of(published, lambda: None)


@pytest.fixture(scope="session")
def stranger(published: Settings) -> TestClient:
    """A reader whom the guard turns away."""

    def refuse() -> None:
        raise HTTPException(401, "Log in first.")

    return site_of(published, refuse)


def admit(request: Request) -> None:
    """Let a reader see everything."""
    request.state.sees_persons = True


def site_of(settings: Settings, guard: Callable[..., None] = admit) -> TestClient:
    return TestClient(make_app(settings, guard))
