"""A small published copy, and the pages over it."""

import duckdb
import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from comove.pages.app import make_app
from comove.settings import Settings

HOSTILE = '<script>alert("x")</script>'
KEY = "00000000000000000000000000000001"


@pytest.fixture
def published(settings: Settings) -> Settings:
    """A home whose copy has borrowers, an index of two months, scores and odd texts."""
    settings.places.make()
    with duckdb.connect(settings.places.serving) as connection:
        connection.execute(
            f"""
            create schema marts; create schema risk; create schema audit;
            create table marts.fct_borrower_month as
            select printf('%032d', k) as borrower_key, m as month, true as is_at_risk,
                k = 1 and m = date '2024-06-01' as is_event,
                if(k < 4, 10, 0) as current_dpd_max, 100.0 as exposure
            from range(120) as rows (k), (values (date '2024-05-01'),
                (date '2024-06-01')) as months (m);
            create table marts.dim_borrower as
            select printf('%032d', k) as borrower_key, '{HOSTILE}' as region
            from range(120) as rows (k);
            create table risk.joint_risk_index as
            select borrower_key, month + interval 1 month as month,
                month as as_of_month, 1 + current_dpd_max / 10.0 as joint_risk_index,
                if(month = date '2024-05-01', null, current_dpd_max / 10.0)
                    as joint_risk_change
            from marts.fct_borrower_month;
            create table audit.quarantine as
            select 'loans' as entity, '=HYPERLINK("x")' as reason, '{HOSTILE}' as raw;
            create table audit.quality_result as
            select 'marts' as stage, true as success, 'warning' as severity,
                timestamp '2024-07-01' as checked_at;
            """
        )
    (settings.places.reports / "quality").mkdir(parents=True)
    (settings.places.reports / "quality" / "latest.html").write_text("<p>gates</p>")
    settings.places.docs.mkdir(parents=True, exist_ok=True)
    (settings.places.docs / "index.html").write_text("<p>docs</p>")
    return settings


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
