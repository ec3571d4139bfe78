"""The page of grades: what it says, and what it says where there is nothing."""

import datetime as dt
import re

from tests.overdue_grade.published import publish_grades

from comove.overdue_grade.report import write_report
from comove.settings import Settings

MARCH = dt.date(2024, 3, 1)


def _page(settings: Settings, month: dt.date = MARCH) -> str:
    written = write_report(settings, run_id="run", month=month)
    return (settings.places.root / written["page"]).read_text()


def test_the_page_says_how_borrowers_stand_and_move(settings: Settings) -> None:
    publish_grades(settings)
    page = _page(settings)
    assert "In 2024-03, 1 borrowers had an observation point" in page
    assert "0 moved to a worse grade than a month before, 0 to a better one" in page
    assert page.count("data:image/svg+xml;base64,") == 2


def test_the_page_needs_nothing_from_outside_and_names_nobody(
    settings: Settings,
) -> None:
    publish_grades(settings)
    page = _page(settings)
    assert not re.search(r"(src|href)=.?https?://", page)
    assert not re.search(r"\b[0-9a-f]{32}\b", page)


def test_a_page_of_an_earlier_month_shows_nothing_later(settings: Settings) -> None:
    publish_grades(settings)
    page = _page(settings, dt.date(2024, 2, 1))
    assert "In 2024-02, 1 borrowers" in page
    assert "1 moved to a worse grade" in page


def test_without_grades_the_page_says_why(settings: Settings) -> None:
    publish_grades(
        settings,
        """
        delete from risk.overdue_grade; delete from risk.overdue_grade_transition;
        create table audit.unavailable_model as
        select 'run' as run_id, 'overdue_grade' as purpose, 'no instalments.' as reason;
        """,
    )
    page = _page(settings)
    assert "Not available for this portfolio: no instalments." in page
    assert page.count("data:image/svg+xml;base64,") == 2


def test_before_anything_is_graded_there_is_a_page_too(settings: Settings) -> None:
    publish_grades(
        settings,
        "drop table risk.overdue_grade; drop table risk.overdue_grade_transition; "
        "drop table risk.overdue_grade_bands; drop table audit.overdue_grade_request",
    )
    assert "no point has been graded up to this month" in _page(settings)
