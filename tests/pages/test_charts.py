"""What charts show where a table holds more than the picture is of."""

from typing import Any

import duckdb
import pytest
from tests.pages.conftest import site_of

from comove.settings import Settings


def rows(settings: Settings, address: str, sql: str) -> list[dict[str, Any]]:
    """Rows a chart gives once some SQL has changed what is published."""
    with duckdb.connect(settings.places.serving) as connection:
        connection.execute(sql)
    found: list[dict[str, Any]] = site_of(settings).get(address).json()["rows"]
    return found


TWO_FITS = """
    create table risk.factor_posterior as
    select 'factor_national' as parameter, null::varchar as group_name, *
    from (values
        -- The newest fit has the smaller id of a run.
        (date '2024-05-01', 1.0, date '2024-05-01', 'run b'),
        (date '2024-05-01', 3.0, date '2024-06-01', 'run a'),
        (date '2024-06-01', 4.0, date '2024-06-01', 'run a')
    ) as rows (month, mean, as_of_month, run_id)
    cross join (select 0.0 as q05, 9.0 as q95)
"""


@pytest.mark.parametrize(("month", "means"), [("2024-05", [1]), ("2024-06", [3, 4])])
def test_factors_are_those_of_the_months_own_fit(
    own: Settings, month: str, means: list[float]
) -> None:
    found = rows(own, f"/joint-risk/chart/factor-paths?month={month}", TWO_FITS)
    assert [row["y"] for row in found] == means


CELLS = """
    update risk.score_drift set is_drift = true where label = 'policy' and stage_no = 1;
    update risk.score_drift set status = 'immature'
    where label = 'policy' and stage_no = 4 and cohort_month = date '2024-06-01';
    update risk.score_drift set status = 'thin' where label = 'performance'
"""


def test_the_matrix_tells_drifted_immature_and_thin_cells_apart(own: Settings) -> None:
    found = rows(own, "/score-drift/chart/matrix", CELLS)
    marks = {(row["y"], row["x"]): (row["mark"], row["is_judged"]) for row in found}
    assert marks == {
        ("credit_applied", "2024-05"): ("●", True),
        ("credit_applied", "2024-06"): ("●", True),
        ("disbursed", "2024-05"): ("", True),
        ("disbursed", "2024-06"): ("…", False),
        ("disbursed, performance", "2024-05"): ("?", False),
        ("disbursed, performance", "2024-06"): ("?", False),
    }


def test_the_funnel_says_which_stages_are_not_judged_yet(own: Settings) -> None:
    found = rows(own, "/score-drift/chart/vertical?month=2024-06", CELLS)
    assert [(row["x"], row["mark"], row["is_judged"]) for row in found] == [
        ("credit_applied", "", True),
        ("disbursed", "immature", False),
    ]


ASSESSMENTS = """
    create table risk.overdue_assessment as
    select * from (values
        (date '2024-05-31', 'assessed', 'high'),
        (date '2024-06-30', 'assessed', 'high'),
        (date '2024-06-30', 'assessed', 'high'),
        (date '2024-06-30', 'not_target', null),
        -- Asked for by hand.
        (date '2024-06-12', 'assessed', 'low')
    ) as rows (as_of, status, rating)
"""


def test_ratings_are_those_of_months_ends_or_why_there_is_none(own: Settings) -> None:
    found = rows(own, "/overdue/chart/ratings", ASSESSMENTS)
    assert [(row["x"], row["series"], row["y"]) for row in found] == [
        ("2024-05-31", "high", 1),
        ("2024-06-30", "high", 2),
        ("2024-06-30", "not_target", 1),
    ]
