"""Single persons: shown to those whose role allows it, masked for the others."""

import csv
import io

import duckdb
import pytest
from fastapi.testclient import TestClient
from tests.pages.conftest import site_of
from tests.pages.small_copy import KEY

from comove.pages.persons import MASK, is_personal
from comove.settings import Settings

INDEX = "/joint-risk/table/risk-joint_risk_index"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("borrower_key", True),
        ("application_key", True),
        ("monthly_income", True),
        ("birth_year", True),
        ("raw", True),
        # With the amount beside it, it says what somebody owns or earns.
        ("repayment_capacity", True),
        ("requested_to_income", True),
        ("capability", True),
        ("limit_ceiling", True),
        ("overdue_amount", False),
        ("rating", False),
        ("adjustment_key", False),
        ("event_id", False),
        ("region", False),
        ("model_version", False),
    ],
)
def test_keys_and_belongings_are_personal(column: str, expected: bool) -> None:
    assert is_personal(column) is expected


def test_keys_are_masked_in_tables_and_downloads(viewer: TestClient) -> None:
    found = viewer.get(INDEX).json()
    assert found["total"] == 120
    assert {row[found["columns"].index("borrower_key")] for row in found["rows"]} == {
        MASK
    }
    text = viewer.get(INDEX.replace("table", "download") + ".csv").text
    assert {row["borrower_key"] for row in csv.DictReader(io.StringIO(text))} == {MASK}


def test_values_of_quarantined_rows_are_masked(viewer: TestClient) -> None:
    found = viewer.get("/data-quality/table/audit-quarantine").json()
    assert found["rows"] == [["loans", '=HYPERLINK("x")', MASK]]


def test_assets_cannot_be_worked_out_from_what_is_shown(own: Settings) -> None:
    """Assets are (capacity + 1) times the overdue amount."""
    with duckdb.connect(own.places.serving) as connection:
        connection.execute(
            "create table risk.overdue_assessment as select 'k' as borrower_key, "
            "date '2024-06-30' as as_of, 100.0 as overdue_amount, 250.0 as "
            "liquid_assets, 0.0 as fixed_assets, 1.5 as repayment_capacity"
        )
    found = (
        site_of(own, lambda: None).get("/overdue/table/risk-overdue_assessment").json()
    )
    shown = dict(zip(found["columns"], found["rows"][0], strict=True))
    assert shown["overdue_amount"] == 100
    hidden = {name for name, value in shown.items() if value == MASK}
    assert hidden == {
        "borrower_key",
        "liquid_assets",
        "fixed_assets",
        "repayment_capacity",
    }


def test_what_is_masked_cannot_be_found_out_by_searching(
    site: TestClient, viewer: TestClient
) -> None:
    assert site.get(f"{INDEX}?search={KEY}").json()["total"] == 1
    assert viewer.get(f"{INDEX}?search={KEY}").json()["total"] == 0


def test_what_is_masked_cannot_be_found_out_by_sorting(viewer: TestClient) -> None:
    for address in (INDEX, INDEX.replace("table", "download") + ".csv"):
        answer = viewer.get(f"{address}?sort=borrower_key")
        assert answer.status_code == 403
        assert "your role does not allow it" in answer.json()["detail"]


@pytest.mark.parametrize(
    "address",
    [
        f"/borrower/{KEY}",
        "/borrower/nobody",
        f"/borrower/{KEY}/table/marts-dim_borrower",
        f"/borrower/{KEY}/download/marts-dim_borrower.csv",
        "/reports/quality/rows.csv",
    ],
)
def test_single_persons_and_files_of_rows_are_refused(
    viewer: TestClient, address: str
) -> None:
    assert viewer.get(address).status_code == 403


def test_files_of_rows_are_linked_for_who_may_open_them(
    site: TestClient, viewer: TestClient
) -> None:
    link = 'href="reports/default_response/2024-06/strategy_action.csv"'
    assert link in site.get("/joint-risk").text
    assert link not in viewer.get("/joint-risk").text
    assert "latest.html" in viewer.get("/data-quality").text


def test_an_event_is_shown_without_its_debtors_keys(
    site: TestClient, viewer: TestClient
) -> None:
    debtor = f"{4:032d}"
    for address in ("/event/e1", "/event/e1/network"):
        assert debtor in site.get(address).text
        assert debtor not in viewer.get(address).text
