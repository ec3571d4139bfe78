"""comove's pages through a real Airflow: nothing without a login, everything with one."""

import json
import shutil
from collections.abc import Iterator

import httpx
import pytest
from tests.recalibration.small_lender import open_lender

from comove.embedded.environment import passwords_file
from comove.embedded.server import ensure_running, stop
from comove.pages.app import SCRIPTS
from comove.pages.catalogue import PAGES
from comove.settings import Settings

# A start of Airflow: with the long checks.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ADDRESSES = (
    *(f"/comove/{page.slug}" for page in PAGES),
    *(f"/comove/static/{name}" for name in SCRIPTS),
)
GUARDED = (*ADDRESSES, "/comove/", "/comove/docs", "/comove/reports/x.html", "/comove/x")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, str]]:
    """A home with something published, and its Airflow."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("home"))
    open_lender(settings)
    settings.places.serving.parent.mkdir(exist_ok=True)
    shutil.copy(settings.places.warehouse, settings.places.serving)
    try:
        yield settings, ensure_running(settings, "up", say=print).url
    finally:
        stop(settings.places, patience_seconds=1)


@pytest.mark.parametrize("address", GUARDED)
def test_nobody_sees_a_page_without_a_login(
    web: tuple[Settings, str], address: str
) -> None:
    answer = httpx.get(web[1] + address, trust_env=False)
    assert answer.status_code == 401


@pytest.mark.parametrize("user", ["viewer", "op", "admin"])
def test_whoever_has_a_login_sees_them(web: tuple[Settings, str], user: str) -> None:
    settings, url = web
    password = json.loads(passwords_file(settings.places).read_text())[user]
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        login = {"username": user, "password": password}
        token = http.post("/auth/token", json=login).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        for address in ADDRESSES:
            assert http.get(address).status_code == 200, address


def test_the_menu_has_an_entry(web: tuple[Settings, str]) -> None:
    settings, url = web
    password = json.loads(passwords_file(settings.places).read_text())["admin"]
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        login = {"username": "admin", "password": password}
        token = http.post("/auth/token", json=login).json()["access_token"]
        told = http.get("/api/v2/plugins", headers={"Authorization": f"Bearer {token}"})
    views = [view for one in told.json()["plugins"] for view in one["external_views"]]
    assert [view["href"] for view in views if view["name"] == "comove"] == ["/comove/"]
