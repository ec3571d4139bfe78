"""comove's pages through a real Airflow: nothing without a login, everything with one."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.pages.small_copy import publish_small

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
SCRIPT = Path(__file__).with_name("browse.mjs")
# Exact versions, as there is no lock: one would name the registry it was made from.
NODE_PACKAGES = ("playwright-core@1.65.1", "axe-core@4.14.1")
GUARDED = (*ADDRESSES, "/comove/", "/comove/docs", "/comove/reports/x.html", "/comove/x")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, str]]:
    """A home with something published, and its Airflow."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("home"))
    publish_small(settings)
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


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what drives the browser."""
    folder = tmp_path_factory.mktemp("node")
    wanted = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--silent"]
    subprocess.run([*wanted, *NODE_PACKAGES], cwd=folder, check=True, timeout=300)
    shutil.copy(SCRIPT, folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> str:
    """Debian's Chromium; installed where it is not there and may be."""
    if not shutil.which("chromium") and os.environ.get("CI"):
        for words in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run(["apt-get", *words], check=True, timeout=600)
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium on the PATH: apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def browsed(web: tuple[Settings, str], node: Path, browser: str) -> dict[str, Any]:
    """What a viewer saw who opened every page in a real browser."""
    settings, url = web
    password = json.loads(passwords_file(settings.places).read_text())["viewer"]
    pictures = node / "pictures"
    pictures.mkdir()
    asked = {
        "url": url,
        "password": password,
        "browser": browser,
        "pictures": str(pictures),
        "pages": ["", *(page.slug for page in PAGES)],
    }
    done = subprocess.run(
        ["node", SCRIPT.name, json.dumps(asked)],
        cwd=node,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=400,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_every_page_opens_without_an_error_or_a_request_elsewhere(
    browsed: dict[str, Any],
) -> None:
    assert [one["page"] for one in browsed["pages"]] == ["", *(p.slug for p in PAGES)]
    for one in browsed["pages"]:
        assert one["errors"] == [], one
        assert one["elsewhere"] == [], one
        assert Path(one["picture"]).stat().st_size > 5_000


def test_no_page_has_a_serious_fault_of_accessibility(browsed: dict[str, Any]) -> None:
    for one in browsed["pages"]:
        assert one["faults"] == [], one


def test_a_reader_sorts_searches_switches_the_month_and_downloads(
    browsed: dict[str, Any],
) -> None:
    """The small copy has 120 borrowers a month; a changed index from June on only."""
    assert browsed["plots"] >= 1
    assert browsed["sorted"] == f"{0:032d}"
    assert browsed["searched"] == "1 rows, page 1 of 1"
    assert browsed["months"] == ["2024-06-01", "2024-05-01"]
    assert browsed["downloaded"] == 121
    assert browsed["scripts_run"] == 0
