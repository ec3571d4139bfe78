"""The pages: who may see what, and what comes back for odd questions."""

import csv
import io
import re

import pytest
from fastapi.testclient import TestClient
from tests.pages.small_copy import HOSTILE, KEY

from comove.pages.app import SCRIPTS, make_app
from comove.pages.catalogue import PAGES
from comove.settings import Settings

CELL = "stage=disbursed&cohort_month=2024-06-01&label=policy"
EVERYTHING = (
    "/",
    "/docs",
    "/reports/quality/latest.html",
    f"/borrower/{KEY}",
    f"/borrower/{KEY}/table/risk-joint_risk_index",
    f"/borrower/{KEY}/download/risk-joint_risk_index.csv",
    "/event/e1",
    "/event/e1/network",
    "/run/run1",
    "/model/m1",
    f"/score-drift/cell?{CELL}",
    f"/score-drift/cell/curve?{CELL}",
    "/joint-risk/chart/index-spread",
    "/joint-risk/table/risk-joint_risk_index",
    "/joint-risk/download/risk-joint_risk_index.csv",
    *(f"/static/{name}" for name in SCRIPTS),
    *(f"/{page.slug}" for page in PAGES),
)


@pytest.mark.parametrize("address", [*EVERYTHING, "/event/1", "/nothing", "/not/at/all"])
def test_a_stranger_sees_nothing(stranger: TestClient, address: str) -> None:
    assert stranger.get(address).status_code == 401


@pytest.mark.parametrize("address", EVERYTHING)
def test_a_reader_sees_it_and_nothing_from_outside(
    site: TestClient, address: str
) -> None:
    answer = site.get(address)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    "address",
    [
        "/reports/../serving/comove.duckdb",
        "/reports/%2e%2e/%2e%2e/etc/passwd",
        "/reports/quality/%00latest.html",
        "/reports/quality",
        "/static/app.py",
        "/static/%2e%2e/app.py",
        "/borrower/nobody",
        "/borrower/' or 1=1 --",
        "/joint-risk/table/audit-quarantine",
        "/joint-risk/chart/none",
        "/elsewhere",
        "/else/where/entirely",
        "/event/e1/table/audit-run",
        "/event/e1' or '1'='1",
        "/run/run1/table/risk-joint_risk_index",
        "/score-drift/cell?stage=disbursed&cohort_month=1999-01-01&label=policy",
    ],
)
def test_what_is_not_to_be_shown_is_not_there(site: TestClient, address: str) -> None:
    assert site.get(address).status_code == 404


@pytest.mark.parametrize(
    "question",
    [
        "month=2024-13",
        "month=0001-01",
        "month=2024-06'--",
        "page=0",
        "size=100000",
        f"search={'x' * 201}",
    ],
)
def test_a_wrong_value_is_refused(site: TestClient, question: str) -> None:
    answer = site.get(f"/joint-risk/table/risk-joint_risk_index?{question}")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "wrong",
    ["stage=loan", "label=any", "cohort_month=soon", "cut_by=borrower_key", "cut_by=1=1"],
)
def test_a_cell_is_named_by_known_words_only(site: TestClient, wrong: str) -> None:
    kept = [one for one in CELL.split("&") if one.split("=")[0] != wrong.split("=")[0]]
    for address in ("/score-drift/cell?", "/score-drift/cell/curve?"):
        assert site.get(address + "&".join([*kept, wrong])).status_code == 422


def test_a_column_that_is_none_is_refused_in_a_sentence(site: TestClient) -> None:
    answer = site.get("/joint-risk/table/risk-joint_risk_index?sort=month; drop table x")
    assert answer.status_code == 404
    assert "Choose one of borrower_key, month" in answer.json()["detail"]


def test_a_table_is_that_of_the_month_its_largest_first(site: TestClient) -> None:
    address = "/joint-risk/table/risk-joint_risk_index"
    newest = site.get(address).json()
    assert newest["total"] == 120
    assert newest["sort"] == "joint_risk_index"
    index, change, as_of = map(
        newest["columns"].index, ("joint_risk_index", "joint_risk_change", "as_of_month")
    )
    values = [row[index] for row in newest["rows"]]
    assert values == sorted(values, reverse=True)
    assert newest["rows"][0][as_of] == "2024-06-01"
    may = site.get(address + "?month=2024-05").json()
    assert {row[change] for row in may["rows"]} == {None}


@pytest.mark.parametrize("sort", ["borrower_key", "as_of_month"])
def test_pages_of_rows_hold_every_row_once(site: TestClient, sort: str) -> None:
    """Also where all rows are equal in what they are sorted by."""
    address = f"/joint-risk/table/risk-joint_risk_index?sort={sort}&size=50&page="
    keys = [
        row[0]
        for page in (1, 2, 3)
        for row in site.get(address + f"{page}").json()["rows"]
    ]
    assert len(keys) == len(set(keys)) == 120


def test_a_search_takes_texts_as_they_are(site: TestClient) -> None:
    address = "/data-quality/table/audit-quarantine?search="
    assert site.get(address + "SCRIPT").json()["total"] == 1
    assert site.get(address + "%25").json()["total"] == 0
    assert site.get(address + "' or 1=1 --").json()["total"] == 0


def test_a_download_runs_no_formula_of_the_data(site: TestClient) -> None:
    text = site.get("/data-quality/download/audit-quarantine.csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows == [{"entity": "loans", "reason": '\'=HYPERLINK("x")', "raw": HOSTILE}]


def test_scripts_in_the_data_are_shown_as_text(site: TestClient) -> None:
    addresses = (
        f"/borrower/{KEY}",
        "/event/e1",
        f"/score-drift/cell?{CELL}",
        "/model/m1",
    )
    for address in addresses:
        assert HOSTILE not in site.get(address).text, address
    answer = site.get("/joint-risk/chart/index-spread")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["rows"][0]["x"] == HOSTILE


def test_the_overview_compares_two_months(site: TestClient) -> None:
    text = site.get("/?month=2024-06").text
    assert "June 2024 against the month before" in text
    assert text.count("not available") == 1  # nothing is decided in the small copy
    for figure in ("Events", "Overdue", "Mean joint-risk index"):
        assert figure in text


@pytest.mark.parametrize("page", ["/", "/joint-risk"])
def test_a_month_without_anything_is_shown_as_that_month(
    site: TestClient, page: str
) -> None:
    text = site.get(f"{page}?month=2023-02").text
    options = re.findall(r"<option value=\"(.*?)\"( selected)?>(.*?)</option>", text)
    assert options == [
        ("2024-06", "", "2024-06"),
        ("2024-05", "", "2024-05"),
        ("2023-02", " selected", "2023-02: nothing published"),
    ]
    assert 'data-month="2023-02"' in text


def test_before_anything_is_published_pages_say_so(settings: Settings) -> None:
    answer = TestClient(make_app(settings, lambda: None)).get("/")
    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        "Nothing has been published yet. Run the DAG `warehouse` first."
    )
