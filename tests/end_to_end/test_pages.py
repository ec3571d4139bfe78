"""comove's pages through a real Airflow: nothing without a login, everything with one."""

import csv
import datetime as dt
import gzip
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.absent import end_for_want_of
from tests.dbt.described import undescribed
from tests.end_to_end.test_default_response_dag import build_lender
from tests.pages.small_copy import KEY, publish_small
from tests.portfolios.published import PUBLISHED, require_published

from comove.audit import open_run
from comove.connection import connect, connect_serving
from comove.embedded.environment import USERS, passwords_file
from comove.embedded.server import ensure_running, stop
from comove.landing import land
from comove.pages.app import SCRIPTS
from comove.pages.catalogue import PAGES
from comove.portfolio import load_portfolio
from comove.quality import run_gate
from comove.settings import Settings
from comove.warehouse import build, document, publish, refresh_published_audit

# A start of Airflow: with the long checks.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
INDEX = "risk-joint_risk_index"
CELL = "score-drift/cell?stage=disbursed&cohort_month=2024-06-01&label=policy"
# Path and name of a picture.
SMALL_PAGES = (
    ("", "overview"),
    *((page.slug, page.slug) for page in PAGES),
    (CELL, "ks-curve"),
    ("event/e1", "event"),
    (f"borrower/{KEY}", "borrower"),
    ("run/run1", "run"),
    ("model/m1", "model"),
)
ADDRESSES = (
    *(path for path, _ in SMALL_PAGES if not path.startswith("borrower")),
    *(f"static/{name}" for name in SCRIPTS),
    "docs",
    "reports/quality/latest.html",
    CELL.replace("cell?", "cell/curve?"),
    "event/e1/network",
    "event/e1/table/risk-linked_debtor",
    "event/e1/download/risk-linked_debtor.csv",
    "joint-risk/chart/index-spread",
    f"joint-risk/table/{INDEX}",
    f"joint-risk/download/{INDEX}.csv",
)
OF_PERSONS = (
    f"borrower/{KEY}",
    f"borrower/{KEY}/table/{INDEX}",
    f"borrower/{KEY}/download/{INDEX}.csv",
    "reports/quality/rows.csv",
)
NOWHERE = ("x", "x/y/z", "event/nobody", "static/x", "reports/x.html")
NODE = Path(__file__).parent
SCRIPTS_OF_NODE = ("browser.mjs", "browse.mjs", "enter.mjs", "act.mjs")
# Exact versions, as there is no lock: one would name the registry it was made from.
NODE_PACKAGES = ("playwright-core@1.65.1", "axe-core@4.14.1")
# A table that comove writes beside dbt, as the dbt docs name it.
SOURCE = "source.comove.audit.quality_result"
# Where pictures are kept, if anywhere but in the folder of the test.
PICTURES = "TEST_PICTURES"
SBA = PUBLISHED / "sba_7a"
SBA_LOANS = 4_000
# Of the lender that was really built, up to its joint risk, and responds to a default.
LENDER_PAGES = (
    ("", "lender-overview"),
    *((page.slug, f"lender-{page.slug}") for page in PAGES),
)
# Of real loans that no model has judged yet: marts, quality, runs.
SBA_PAGES = (("", "sba-overview"), *((page.slug, f"sba-{page.slug}") for page in PAGES))


@dataclass
class Web:
    """A home with an Airflow, and copies that it can be made to show."""

    settings: Settings
    url: str
    small: Path
    lender: Path

    def show(self, copy: Path) -> None:
        """Publish another copy, as a run does."""
        serving = self.settings.places.serving
        fresh = serving.with_suffix(".other")
        shutil.copy(copy, fresh)
        os.replace(fresh, serving)

    @contextmanager
    def login(self, user: str) -> Iterator[httpx.Client]:
        """Lend a client that is logged in."""
        password = json.loads(passwords_file(self.settings.places).read_text())[user]
        login = {"username": user, "password": password}
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as http:
            token = http.post("/auth/token", json=login).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            yield http


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A lender's home and its Airflow; what it shows first is the small copy.

    Its dbt docs and the report of its gate are the lender's. Beside Airflow's four users
    there is one who has no role.
    """
    settings = Settings(portfolio="simulated", home=tmp_path_factory.mktemp("home"))
    publish_small(settings)
    small = settings.places.serving.rename(settings.places.root / "small.duckdb")
    build_lender(settings)
    document(settings, run_id="warehouse")
    run_gate(settings, run_id="warehouse", stage="landed")
    refresh_published_audit(settings)
    lender = settings.places.serving.rename(settings.places.root / "lender.duckdb")
    shutil.copy(small, settings.places.serving)
    USERS["nobody"] = ""
    try:
        yield Web(settings, ensure_running(settings, "up", say=print).url, small, lender)
    finally:
        del USERS["nobody"]
        stop(settings.places, patience_seconds=1)


def test_nobody_sees_a_page_without_a_login(web: Web) -> None:
    with httpx.Client(base_url=web.url, timeout=60, trust_env=False) as http:
        for address in (*ADDRESSES, *OF_PERSONS, *NOWHERE):
            assert http.get(f"/comove/{address}").status_code == 401, address


def test_whoever_has_no_role_sees_no_page_either(web: Web) -> None:
    with web.login("nobody") as http:
        for address in (*ADDRESSES, *OF_PERSONS, *NOWHERE):
            assert http.get(f"/comove/{address}").status_code == 403, address


@pytest.mark.parametrize("user", ["viewer", "user", "op", "admin"])
def test_whoever_has_a_role_sees_them_and_persons_by_role(web: Web, user: str) -> None:
    with web.login(user) as http:
        for address in ADDRESSES:
            assert http.get(f"/comove/{address}").status_code == 200, address
        for address in OF_PERSONS:
            expected = 403 if user == "viewer" else 200
            assert http.get(f"/comove/{address}").status_code == expected, address
        found = http.get(f"/comove/joint-risk/table/{INDEX}").json()
    keys = {row[found["columns"].index("borrower_key")] for row in found["rows"]}
    assert (keys == {"***"}) is (user == "viewer")


def test_nothing_can_be_written_by_the_pages(web: Web) -> None:
    with web.login("admin") as http:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert http.request(method, "/comove/joint-risk").status_code == 405


def test_the_menu_has_an_entry(web: Web) -> None:
    with web.login("admin") as http:
        told = http.get("/api/v2/plugins")
    views = [view for one in told.json()["plugins"] for view in one["external_views"]]
    assert [view["href"] for view in views if view["name"] == "comove"] == ["/comove/"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what drives the browser."""
    folder = tmp_path_factory.mktemp("node")
    wanted = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--silent"]
    subprocess.run([*wanted, *NODE_PACKAGES], cwd=folder, check=True, timeout=300)
    for name in SCRIPTS_OF_NODE:
        shutil.copy(NODE / name, folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> str:
    """Debian's Chromium; installed where it is not there and may be."""
    if not shutil.which("chromium") and os.environ.get("CI"):
        for words in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run(["apt-get", *words], check=True, timeout=600)
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        end_for_want_of("no chromium on the PATH: apt-get install chromium")
    return found


Drive = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def drive(web: Web, node: Path, browser: str) -> Drive:
    """Runner of a script of the browser, logged in; what it tells."""
    pictures = Path(os.environ.get(PICTURES, node / "pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    passwords = json.loads(passwords_file(web.settings.places).read_text())

    def run(script: str, user: str, **given: Any) -> dict[str, Any]:
        asked = {
            "url": web.url,
            "user": user,
            "password": passwords[user],
            "browser": browser,
            "pictures": str(pictures),
            **given,
        }
        done = subprocess.run(
            ["node", script, json.dumps(asked)],
            cwd=node,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=700,
        )
        return dict(json.loads(done.stdout.splitlines()[-1]))

    return run


@pytest.fixture(scope="module")
def browsed(web: Web, drive: Drive) -> dict[str, Any]:
    """What somebody saw who opened every page of the small copy in a real browser."""
    web.show(web.small)
    return drive("browse.mjs", "op", pages=SMALL_PAGES, uses=True)


def assert_flawless(seen: list[dict[str, Any]], pages: Sequence[tuple[str, str]]) -> None:
    """In both themes and widths: no error, nothing from elsewhere, no serious fault.

    And every chart is drawn, or says that there is nothing to draw; every listing opens.
    """
    assert [one["page"] for one in seen[::2]] == [path for path, _ in pages]
    for one in seen:
        assert one["errors"] == one["elsewhere"] == one["faults"] == [], one
        assert one["failed"] == [], one
        assert one["plots"] + one["empty"] == one["charts"], one
        assert one["shown"] == one["theme"], one
        assert one["overflow"] <= 0, one
        assert Path(one["picture"]).stat().st_size > 5_000


def test_every_page_is_flawless_in_a_browser(browsed: dict[str, Any]) -> None:
    assert_flawless(browsed["pages"], SMALL_PAGES)
    assert browsed["scripts_run"] == 0


def test_every_page_is_flawless_on_a_lender_that_was_built(
    web: Web, drive: Drive
) -> None:
    web.show(web.lender)
    seen = drive("browse.mjs", "op", pages=LENDER_PAGES)["pages"]
    assert_flawless(seen, LENDER_PAGES)
    # Joint risk is made up as far as a default needs it; the rest is said to be empty.
    drawn = {one["page"] for one in seen if one["plots"]}
    assert drawn == {"joint-risk", "data-quality"}


def test_every_column_the_lender_has_is_described(web: Web) -> None:
    with connect(web.settings) as connection:
        missing = undescribed(connection)
    # Raw tables have the names of files, which the contract describes by their entity.
    assert [name for name in missing if not name.startswith("raw.")] == []


def test_the_menu_leads_to_a_report_and_to_the_real_documentation(
    web: Web, drive: Drive
) -> None:
    web.show(web.lender)
    told = drive("enter.mjs", "viewer", source=SOURCE, column="check_name")
    assert told["entered"] == ["Overview", "Data quality"]
    assert told["report"] == "Quality gates"
    assert "One row per run, stage and check of a gate" in told["documented"]
    assert told["errors"] == told["elsewhere"] == []


def test_a_reader_sorts_searches_switches_the_month_and_downloads(
    browsed: dict[str, Any],
) -> None:
    """The small copy has 120 borrowers a month; a changed index from June on only."""
    assert browsed["plots"] >= 1
    assert browsed["sorted"] == f"{0:032d}"
    assert browsed["searched"] == "1 rows, page 1 of 1"
    assert browsed["months"] == ["2024-06-01", "2024-05-01"]
    rows = list(csv.DictReader(io.StringIO(browsed["csv"])))
    assert {row["as_of_month"] for row in rows} == {"2024-06-01"}
    assert sorted(row["borrower_key"] for row in rows) == [
        f"{k:032d}" for k in range(120)
    ]
    assert [float(row["joint_risk_index"]) for row in rows] == [2.0] * 4 + [1.0] * 116


def test_the_keyboard_leads_from_a_table_to_what_it_tells_of(
    browsed: dict[str, Any],
) -> None:
    assert browsed["cell"].startswith("KS curve: ")
    # The linked debtor with an action and the largest index.
    assert browsed["led"] == f"/comove/borrower/{5:032d}"


@pytest.fixture(scope="module")
def sba(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published copy of real loans, some of those that were published."""
    require_published("sba_7a")
    data = tmp_path_factory.mktemp("data")
    with gzip.open(SBA / "loans.csv.gz", "rt") as whole:
        some = list(islice(whole, SBA_LOANS + 1))
    with gzip.open(data / "loans.csv.gz", "wt") as file:
        file.writelines(some)
    settings = Settings(
        portfolio="sba_7a", home=tmp_path_factory.mktemp("sba"), data=data
    )
    settings.places.make()
    month = load_portfolio("sba_7a").last_month
    assert isinstance(month, dt.date)
    open_run(settings, run_id="sba", dag_id="warehouse", month=month)
    land(settings, run_id="sba")
    build(settings, run_id="sba", month=month)
    publish(settings, run_id="sba", month=month)
    return settings.places.serving


def test_every_page_is_flawless_on_real_loans(web: Web, drive: Drive, sba: Path) -> None:
    web.show(sba)
    assert_flawless(drive("browse.mjs", "viewer", pages=SBA_PAGES)["pages"], SBA_PAGES)


@pytest.fixture(scope="module")
def acted(web: Web, drive: Drive) -> dict[str, Any]:
    """What an operator did and saw who reported a default by the form."""
    web.show(web.lender)
    with connect_serving(web.settings) as connection:
        ((borrower,),) = connection.execute(
            "select borrower_key from risk.joint_risk_index order by 1 limit 1"
        ).fetchall()
    return drive("act.mjs", "op", borrower=borrower)


def test_a_form_refuses_a_wrong_value_and_says_which(acted: dict[str, Any]) -> None:
    assert "2024-13" in acted["refused"]
    assert "month" in acted["refused"]


def test_a_question_is_answered_in_the_browser_and_kept(acted: dict[str, Any]) -> None:
    assert "Freeze the limits of debtors" in acted["question"]
    assert acted["state"] == "success"
    freezes = [row for row in acted["rows"] if row[0] == "freeze"]
    assert freezes
    assert all(row == ["freeze", "approved", "op"] for row in freezes)
