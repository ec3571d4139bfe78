"""`comove overdue` reads the published assessment that holds on a day."""

import datetime as dt
import json
import shutil

import duckdb
import pytest
from tests.overdue.small_home import ANN, CAT, JUNE, MAY, NOT_OVERDUE, hand_on
from typer.testing import CliRunner

from comove.cli import app
from comove.overdue.assess import store_assessments
from comove.overdue.borrower import assess_borrower
from comove.overdue.look_up import look_up
from comove.overdue.request import OverdueError, Wish
from comove.settings import Settings


@pytest.fixture
def published(home: Settings) -> Settings:
    """A home whose June was assessed and published."""
    hand_on(home, "june", MAY, JUNE)
    store_assessments(home, run_id="june", wish=Wish(JUNE))
    shutil.copyfile(home.places.warehouse, home.places.serving)
    return home


@pytest.mark.parametrize(
    ("on", "as_of"),
    [
        (None, dt.date(2024, 6, 30)),
        ("2024-07-20", dt.date(2024, 6, 30)),
        ("2024-06-30", dt.date(2024, 6, 30)),
        ("2024-06-29", dt.date(2024, 5, 31)),
    ],
)
def test_the_last_month_end_up_to_the_day_holds(
    published: Settings, on: str | None, as_of: dt.date
) -> None:
    found = look_up(published, ANN, on)
    assert (found["as_of"], found["rating"]) == (as_of, "low")
    assert found["reason_codes"] == ["assets are at least twice the overdue amount"]


def test_a_day_somebody_asked_for_comes_before_the_month_end(home: Settings) -> None:
    hand_on(home, "may", MAY)
    store_assessments(home, run_id="may", wish=Wish(MAY))
    assess_borrower(home, run_id="one", wish=Wish(JUNE, borrower=ANN))
    shutil.copyfile(home.places.warehouse, home.places.serving)
    assert look_up(home, ANN)["origin"] == "request"


@pytest.mark.parametrize(
    ("key", "on", "why"),
    [
        (NOT_OVERDUE, None, "not overdue on 2024-06-30"),
        (CAT, "2024-06-15", "not overdue on 2024-05-31"),
        (ANN, "2024-05-30", "no month has been assessed for 2024-05-30"),
        (ANN, "2024-09-01", "no month has been assessed for 2024-09-01"),
        (ANN, "yesterday", "'yesterday' is no day"),
    ],
)
def test_why_there_is_none_is_said(
    published: Settings, key: str, on: str | None, why: str
) -> None:
    with pytest.raises(OverdueError, match=why):
        look_up(published, key, on)


def test_the_command_prints_it(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMOVE_HOME", str(published.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", published.portfolio)
    runner = CliRunner()
    said = runner.invoke(app, ["overdue", ANN, "--on", "2024-07-03", "--json"])
    assert json.loads(said.output)["collection_strategy"] == "reminder_calls"
    assert "reminder_calls" in runner.invoke(app, ["overdue", ANN]).output
    refused = runner.invoke(app, ["overdue", NOT_OVERDUE])
    assert refused.exit_code == 1
    assert "not overdue" in refused.output


def test_the_command_assesses_anew_and_publishes_it(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMOVE_HOME", str(published.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", published.portfolio)
    monkeypatch.setenv("LOGNAME", "ada")
    runner = CliRunner()
    words = ["overdue", ANN, "--on", "2024-05-31", "--assess", "--json"]
    said = runner.invoke(app, words)
    told = json.loads(said.stdout)
    assert (told["as_of"], told["origin"]) == ("2024-05-31", "request")
    assert told["asked_by"] == "ada"
    with duckdb.connect(published.places.serving, read_only=True) as connection:
        runs = connection.execute(
            "select dag_id, month, status from audit.run where run_id = ?",
            [told["run_id"]],
        ).fetchall()
    assert runs == [("cli", MAY, "success")]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([ANN], "no day was named"),
        ([ANN, "--on", "2030-01-01"], "later than 2024-07-31"),
        ([NOT_OVERDUE, "--on", "2024-06-30"], "not overdue on 2024-06-30"),
    ],
)
def test_what_cannot_be_assessed_is_said(
    published: Settings, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str
) -> None:
    monkeypatch.setenv("COMOVE_HOME", str(published.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", published.portfolio)
    said = CliRunner().invoke(app, ["overdue", *words, "--assess"])
    assert said.exit_code == 1
    assert why in said.stderr
