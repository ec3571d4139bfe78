"""What the gate of grades refuses, each by the check that is there for it."""

from pathlib import Path

import pytest
from tests.overdue_grade.published import publish_grades

from comove.audit import open_run
from comove.connection import connect
from comove.errors import GateFailedError
from comove.quality import run_gate
from comove.settings import Settings

# Great Expectations alone takes seconds to import.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Grades by hand that hold."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("gate"))
    publish_grades(settings)
    open_run(settings, run_id="run", dag_id="overdue_assessment", month=None)
    return settings


def _changed(settings: Settings, change: str, undo: str) -> str:
    """What the gate says after a change of the tables, which is taken back."""
    with connect(settings) as connection:
        connection.execute(change)
    try:
        with pytest.raises(GateFailedError) as refused:
            run_gate(settings, run_id="run", stage="overdue_grade")
        return str(refused.value)
    finally:
        with connect(settings) as connection:
            connection.execute(undo)


def test_grades_that_hold_pass(home: Settings) -> None:
    report = run_gate(home, run_id="run", stage="overdue_grade")
    assert len(report.passed) + len(report.warned) == 18
    # Two of three points made by hand have the worst grade.
    assert report.warned == ("Few points have the worst grade",)
    assert Path(report.page).is_file()


POINT = "where point_no = 2"


@pytest.mark.parametrize(
    ("change", "undo", "check"),
    [
        (
            "weight_historical = 0.9, weight_current = 0.1",
            "weight_historical = 0.75, weight_current = 0.25",
            "Weights lie within their limits",
        ),
        ("weight_current = 0.3", "weight_current = 0.25", "Weights sum to 1"),
        (
            "current_extreme = 31",
            "current_extreme = 30",
            "The current extreme is not above the historical",
        ),
        ("composite = 40", "composite = 30", "Composites lie between the extremes"),
        ("composite = 'nan'", "composite = 30", "Weights and composites are numbers"),
        ("grade = null", "grade = 'C'", "Every point has a grade"),
        ("grade = 'B'", "grade = 'C'", "Grades are those of their bands"),
        (
            "observed_on = '2024-03-10'",
            "observed_on = '2024-02-10'",
            "No point and no move stands twice",
        ),
        (
            "observed_on = '2024-05-10'",
            "observed_on = '2024-02-10'",
            "No point is later than the last day graded",
        ),
        (
            "month = '2024-01-01'",
            "month = '2024-02-01'",
            "Points stand in their own month",
        ),
    ],
)
def test_a_wrong_point_is_refused(
    home: Settings, change: str, undo: str, check: str
) -> None:
    told = _changed(
        home,
        f"update risk.overdue_grade set {change} {POINT}",
        f"update risk.overdue_grade set {undo} where grade is null or point_no = 2",
    )
    assert check in told


@pytest.mark.parametrize(
    ("change", "undo", "check"),
    [
        (
            "update risk.overdue_grade set point_no = 4 where point_no = 3",
            "update risk.overdue_grade set point_no = 3 where point_no = 4",
            "Points are numbered from 1 without gaps",
        ),
        (
            "update risk.overdue_grade set weight_historical = 0.6, weight_current = 0.4 "
            "where point_no = 1",
            "update risk.overdue_grade set weight_historical = 0.5, weight_current = 0.5 "
            "where point_no = 1",
            "Every borrower begins with the first weight",
        ),
        (
            "update risk.overdue_grade_transition set borrowers = 2 where borrowers = 1",
            "update risk.overdue_grade_transition set borrowers = 1 where borrowers = 2",
            "Moves from a grade add up",
        ),
        (
            "update risk.overdue_grade_transition set share = 0.9 where share = 1",
            "update risk.overdue_grade_transition set share = 1 where share = 0.9",
            "Shares of the moves from a grade sum to 1",
        ),
        (
            "create table kept as from marts.dim_borrower; truncate marts.dim_borrower",
            "insert into marts.dim_borrower from kept",
            "Every graded borrower is one of the lender's",
        ),
    ],
)
def test_a_wrong_whole_is_refused(
    home: Settings, change: str, undo: str, check: str
) -> None:
    assert check in _changed(home, change, undo)
