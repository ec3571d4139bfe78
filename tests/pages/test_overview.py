"""The overview: what a month has against the month before, and what waits now."""

import datetime as dt

import duckdb
import pytest
from fastapi.testclient import TestClient
from tests.monthly_report.made_month import made_tables, publish_tables
from tests.pages.conftest import site_of

from comove.connection import connect_serving
from comove.monthly_report.found import read_month
from comove.pages.overview import figures, waiting
from comove.pages.published import Published
from comove.settings import Settings

JUNE = dt.date(2024, 6, 1)
# The warehouse ran on two days for June; the first time more was wrong.
RUNS = """
    delete from audit.run; delete from audit.quality_result;
    insert into audit.run by name
    select * from (values
        ('first', 'warehouse', date '2024-06-01', timestamp '2024-07-01'),
        ('second', 'warehouse', date '2024-06-01', timestamp '2024-07-02'),
        ('models', 'risk_model', date '2024-06-01', timestamp '2024-07-02')
    ) as rows (run_id, dag_id, month, started_at);
    insert into audit.quality_result by name
    select * from (values
        ('first', 'marts', false, 'critical', timestamp '2024-07-01'),
        ('first', 'marts', false, 'warning', timestamp '2024-07-01'),
        ('second', 'marts', true, 'critical', timestamp '2024-07-02'),
        ('second', 'marts', false, 'warning', timestamp '2024-07-02'),
        ('second', 'marts', false, 'info', timestamp '2024-07-02'),
        ('models', 'risk', false, 'critical', timestamp '2024-07-02')
    ) as rows (run_id, stage, success, severity, checked_at);
"""
# Passed the admission step: three of four. Stands: one; proposed to a person: one.
DECISIONS = """
    create table risk.credit_decision as
    select date '2024-06-01' as cohort_month, * from (values
        ('admit', 'admit', 'admit', 'not needed'),
        ('admit', 'refuse', 'refuse', 'not asked'),
        ('admit', 'refuse', null, 'returned'),
        ('refuse', 'refuse', null, 'waiting')
    ) as rows (admission, proposed_decision, final_decision, review_status);
"""


@pytest.fixture
def changed(own: Settings) -> Settings:
    with duckdb.connect(own.places.serving) as connection:
        connection.execute(RUNS + DECISIONS)
    return own


def shown(settings: Settings, title: str) -> tuple[float | None, float | None]:
    found = figures(Published(settings.places.serving), JUNE)
    one = next(one for one in found if one["title"] == title)
    return one["now"], one["before"]


def waits(settings: Settings, what: str) -> int:
    found = waiting(Published(settings.places.serving))
    return int(next(one["n"] for one in found if what in one["what"]))


def test_a_month_nothing_was_computed_for_is_not_known_and_not_zero(
    own: Settings,
) -> None:
    with duckdb.connect(own.places.serving) as connection:
        connection.execute(
            "delete from marts.fct_borrower_month where month < date '2024-06-01';"
            "delete from risk.joint_risk_index where as_of_month < date '2024-06-01';"
            "delete from risk.score_drift where cohort_month < date '2024-06-01'"
        )
    assert shown(own, "Events") == (1, None)
    assert shown(own, "Overdue") == (4, None)
    text = site_of(own).get("/?month=2024-06").text
    assert "before \N{EN DASH}" in text
    assert "before 0" not in text


def test_where_none_was_found_it_is_none(own: Settings) -> None:
    assert shown(own, "Events") == (1, 0)


def test_nobody_is_riskier_than_a_month_ago_in_the_first_month(own: Settings) -> None:
    now, before = shown(own, "Borrowers much riskier than a month ago")
    assert now == 0
    assert before is None


def test_cells_of_which_none_is_judged_tell_of_no_drift(own: Settings) -> None:
    with duckdb.connect(own.places.serving) as connection:
        connection.execute(
            "update risk.score_drift set status = 'immature' "
            "where cohort_month = date '2024-06-01'"
        )
    assert shown(own, "Cells of the score drift flagged") == (None, 0)


def test_failed_checks_are_the_newest_runs_without_what_only_informs(
    changed: Settings,
) -> None:
    assert shown(changed, "Checks failed") == (2, None)
    assert waits(changed, "checks of the gates") == 2


def test_admitted_is_who_passes_every_step(changed: Settings) -> None:
    assert shown(changed, "Applications admitted") == (0.25, None)


def test_what_a_person_returned_still_waits(changed: Settings) -> None:
    assert waits(changed, "wait for a review") == 2


def test_the_monthly_report_says_the_same(settings: Settings) -> None:
    publish_tables(settings, made_tables())
    with connect_serving(settings) as connection:
        report = read_month(connection, JUNE).found
    for title, name in (
        ("Events", "events"),
        ("Overdue", "past_due"),
        ("Mean joint-risk index", "index_mean"),
        ("Checks failed", "checks_failed"),
        ("Applications admitted", "admitted"),
    ):
        expected = pytest.approx((report[name].now, report[name].before))
        assert shown(settings, title) == expected, name


def test_charts_of_decisions_show_what_was_decided(changed: Settings) -> None:
    site: TestClient = site_of(changed)
    rows = site.get("/decisions/chart/admissions").json()["rows"]
    assert {row["series"]: row["y"] for row in rows} == {"admit": 1, "refuse": 3}
