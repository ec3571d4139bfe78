"""`comove overdue` reads the published assessment that holds on a day."""

import datetime as dt
import json
import shutil

import duckdb
import pytest
from tests.overdue.small_home import ANN, CAT, JUNE, MAY, NOT_OVERDUE, hand_on, rows
from typer.testing import CliRunner

from comove.cli import app
from comove.connection import connect
from comove.overdue.assess import store_assessments
from comove.overdue.borrower import assess_borrower
from comove.overdue.look_up import look_up
from comove.overdue.request import OverdueError, Wish
from comove.risk_model.tables import ensure_risk_tables
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


REGISTERED = """
    insert into audit.model_registry
    values (
        'm1', 'of a test', 'logistic', 'candidate', false, '', '', 1, '', '', '{}',
        null, null, date '2024-05-01', 100, 50, '', null, null, 'june', now()::timestamp
    )
"""
ANEW = ["overdue", ANN, "--on", "2024-05-31", "--assess", "--json"]


@pytest.fixture
def gated(published: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same home, for commands; what assessed June is in the registry."""
    monkeypatch.setenv("COMOVE_HOME", str(published.places.root))
    monkeypatch.setenv("COMOVE_PORTFOLIO", published.portfolio)
    monkeypatch.setenv("LOGNAME", "ada")
    with connect(published) as connection:
        ensure_risk_tables(connection)
        connection.execute(REGISTERED)
    return published


# The gate imports Great Expectations, which takes seconds.
@pytest.mark.slow
def test_the_command_assesses_anew_and_publishes_it(gated: Settings) -> None:
    said = CliRunner().invoke(app, ANEW)
    told = json.loads(said.stdout)
    assert (told["as_of"], told["origin"]) == ("2024-05-31", "request")
    assert told["asked_by"] == "ada"
    with duckdb.connect(gated.places.serving, read_only=True) as connection:
        runs = connection.execute(
            "select dag_id, month, status from audit.run where run_id = ?",
            [told["run_id"]],
        ).fetchall()
    assert runs == [("cli", MAY, "success")]


@pytest.mark.slow
def test_the_command_publishes_nothing_that_the_gate_has_stopped(
    gated: Settings,
) -> None:
    with connect(gated) as connection:
        connection.execute("update risk.overdue_assessment set reason_codes = '[]'")
    before = look_up(gated, ANN, "2024-05-31")
    said = CliRunner().invoke(app, ANEW)
    assert said.exit_code == 1
    assert "Every decision says why" in json.loads(said.stderr)["found"]
    assert look_up(gated, ANN, "2024-05-31") == before
    assert look_up(gated, ANN)["reason_codes"] != []
    assert rows(gated, "select status from audit.run where dag_id = 'cli'") == [
        ("failed",)
    ]


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
