"""One borrower on one day: the point current then, or a clear reason why not."""

import datetime as dt
import json

import pytest
from tests.overdue_grade.published import publish_grades
from typer.testing import CliRunner

from comove.cli import app
from comove.default_response.identity import hashed
from comove.default_response.scratch import ResponseError
from comove.errors import WarehouseError
from comove.overdue_grade.answer import GradeError, grade_on
from comove.settings import Settings


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("published"))
    publish_grades(settings)
    return settings


@pytest.mark.parametrize(
    ("asked", "observed", "grade"),
    [
        ("2024-01-10", "2024-01-10", "A"),
        ("2024-02-09", "2024-01-10", "A"),
        ("2024-02-10", "2024-02-10", "C"),
        ("2024-03-31", "2024-03-10", "C"),
    ],
)
def test_the_point_current_on_a_day_is_the_last_one_not_later(
    published: Settings, asked: str, observed: str, grade: str
) -> None:
    answer = grade_on(published, "Late-1", dt.date.fromisoformat(asked))
    assert f"{answer.observed_on}" == observed
    assert answer.grade == grade
    assert answer.days_since == (answer.asked_on - answer.observed_on).days
    assert not answer.is_beyond


def test_the_answer_says_what_the_grade_is_made_of(published: Settings) -> None:
    answer = grade_on(published, "Late-1")
    made = answer.weight_historical * answer.historical_extreme
    made += answer.weight_current * answer.current_extreme
    assert made == pytest.approx(answer.composite)
    assert answer.meaning == "very late"
    assert answer.asked_on == answer.graded_until == dt.date(2024, 3, 31)


def test_a_borrower_key_is_as_good_as_the_id(published: Settings) -> None:
    key = hashed(published, "Late-1")
    assert grade_on(published, key) == grade_on(published, " Late-1 ")


def test_a_day_not_graded_yet_gives_the_last_point_and_says_so(
    published: Settings,
) -> None:
    answer = grade_on(published, "Late-1", dt.date(2024, 5, 1))
    assert answer.is_beyond
    assert answer.observed_on == dt.date(2024, 3, 10)


def test_an_unknown_borrower_is_refused_without_repeating_the_id(
    published: Settings,
) -> None:
    with pytest.raises(ResponseError, match="no borrower with this id") as refused:
        grade_on(published, "Nobody-7")
    assert "Nobody-7" not in str(refused.value)


def test_a_day_before_the_first_point_is_refused_with_the_first(
    published: Settings,
) -> None:
    with pytest.raises(GradeError, match="Ask for 2024-01-10"):
        grade_on(published, "Late-1", dt.date(2024, 1, 9))


def test_a_borrower_without_any_point_is_refused(published: Settings) -> None:
    with pytest.raises(GradeError, match="none of its loans"):
        grade_on(published, "New-1")


def test_a_portfolio_without_grades_is_refused(settings: Settings) -> None:
    publish_grades(settings, "delete from risk.overdue_grade")
    with pytest.raises(GradeError, match="no borrower of this portfolio"):
        grade_on(settings, "Late-1")


def test_grades_never_published_are_refused(settings: Settings) -> None:
    publish_grades(settings, "drop table risk.overdue_grade")
    with pytest.raises(GradeError, match="Run the DAG `overdue_assessment`"):
        grade_on(settings, "Late-1")


def test_nothing_published_is_refused(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match="nothing has been published"):
        grade_on(settings, "Late-1")


def _run(settings: Settings, *words: str) -> tuple[int, str]:
    environment = {
        "COMOVE_HOME": str(settings.places.root),
        "COMOVE_PORTFOLIO": settings.portfolio,
        "COLUMNS": "120",
    }
    done = CliRunner().invoke(app, ["grade", *words], env=environment)
    return done.exit_code, done.output


def test_the_command_shows_grade_point_and_weights(published: Settings) -> None:
    code, told = _run(published, "Late-1", "--on", "2024-03-20")
    assert code == 0
    for part in ("C (very late)", "2024-03-10, 10 days", "45, weight 0.800", "36.00"):
        assert part in told


def test_the_command_prints_json_for_programs(published: Settings) -> None:
    code, told = _run(published, "Late-1", "--json")
    assert code == 0
    assert json.loads(told)["grade"] == "C"


def test_the_command_fails_in_one_sentence(published: Settings) -> None:
    code, told = _run(published, "Nobody-7")
    assert code == 1
    assert "no borrower with this id" in told
