"""What means harm, through every part of every address: refused, or shown as text."""

from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from tests.pages.small_copy import HOSTILE, KEY

TABLE = "/joint-risk/table/risk-joint_risk_index"
DOWNLOAD = "/joint-risk/download/risk-joint_risk_index.csv"
CELL = {"stage": "disbursed", "cohort_month": "2024-06-01", "label": "policy"}
CUT = CELL | {"cut_by": "channel", "cut_value": "x"}
PLACES = (
    "/?month={}",
    "/{}",
    "/{}/{}",
    "/static/{}",
    "/reports/{}",
    "/reports/quality/{}",
    "/borrower/{}",
    "/event/{}",
    "/event/{}/network",
    "/run/{}",
    "/model/{}",
    "/{}/chart/index-spread",
    "/joint-risk?month={}",
    "/joint-risk/chart/{}",
    "/joint-risk/chart/index-spread?month={}",
    "/joint-risk/table/{}",
    "/joint-risk/download/{}.csv",
    f"/borrower/{KEY}/table/{{}}",
    f"/{{}}/{KEY}/table/risk-joint_risk_index",
    *(f"{TABLE}?{name}={{}}" for name in ("month", "search", "sort", "page", "size")),
    *(f"{DOWNLOAD}?{name}={{}}" for name in ("month", "search", "sort", "descending")),
    *(
        f"/score-drift/cell{page}?"
        + "&".join(f"{k}={'{}' if k == name else v}" for k, v in CUT.items())
        for page in ("", "/curve")
        for name in CUT
    ),
)
HARM = (
    HOSTILE,
    '"><img src=x onerror=alert({{ 7 * 7 }})>',
    "' or 1=1; drop table risk.score; --",
    "\" union select * from read_text('/etc/passwd') --",
    "../../../../etc/passwd",
    "\0",
    # Months and days that no calendar, or no database, has; and digits of other scripts.
    "0000-05",
    "0001-01",
    "9999-12",
    "\N{ARABIC-INDIC DIGIT TWO}024-01",
    "2024-01\n",
    "0001-01-01",
    "9999-12-31",
)


@pytest.mark.parametrize("place", PLACES)
def test_harm_in_an_address_does_none(site: TestClient, place: str) -> None:
    for harm in HARM:
        answer = site.get(place.replace("{}", quote(harm, safe="")))
        assert answer.status_code < 500, harm
        assert "root:" not in answer.text
        if answer.headers["content-type"].startswith("text/html"):
            assert harm not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert site.get(TABLE).json()["total"] == 120
