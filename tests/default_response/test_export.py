"""Actions and rules as files, announcements, and what never leaves in either."""

import csv
import datetime as dt

import pandas as pd
import pytest
from tests.default_response.conftest import Respond
from tests.default_response.small_bank import MONTH, links

from comove.connection import connect
from comove.default_response.announce import response_message
from comove.default_response.approval import Answer, decide
from comove.default_response.export import export_actions
from comove.errors import WarehouseError
from comove.notify import Run
from comove.settings import Settings
from comove.warehouse import publish


@pytest.fixture
def published(bank: Settings, response: Respond) -> Settings:
    """The bank after a response that was published."""
    response()
    publish(bank, run_id="run", month=MONTH)
    return bank


def test_actions_and_rules_are_written_twice_alike(published: Settings) -> None:
    report = export_actions(published, run_id="run")
    (folder,) = report.folders
    assert folder == published.places.reports / "default_response" / "2024-04"
    assert report.actions == 60
    for name in ("strategy_action", "lending_control"):
        table = pd.read_parquet(folder / f"{name}.parquet")
        with (folder / f"{name}.csv").open(newline="") as stream:
            lines = list(csv.DictReader(stream))
        assert len(lines) == len(table) > 0
        assert list(lines[0]) == list(table.columns)


def test_files_hold_the_whole_month_whichever_run_asks(
    published: Settings, response: Respond
) -> None:
    response(links(lambda *_: 2.5), run_id="late", borrower="standing0")
    publish(published, run_id="late", month=MONTH)
    assert export_actions(published, run_id="late").actions == 60 + 19


def test_rules_of_freezes_approved_later_are_in_the_month_of_their_default(
    bank: Settings, response: Respond
) -> None:
    report = response()
    said = Answer(True, "ada", dt.datetime(2024, 8, 3), None, report.waiting_id)
    rules = report.rules + decide(bank, run_id="run", answer=said).rules
    publish(bank, run_id="run", month=MONTH)
    assert export_actions(bank, run_id="run").rules == rules


def test_a_run_that_did_nothing_writes_nothing(published: Settings) -> None:
    assert export_actions(published, run_id="another").folders == ()


def test_before_anything_is_published_there_is_nothing_to_export(bank: Settings) -> None:
    with pytest.raises(WarehouseError, match="nothing has been published yet"):
        export_actions(bank, run_id="run")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_spreadsheet_finds_no_formula_and_a_system_finds_what_was_written(
    bank: Settings, response: Respond, first: str
) -> None:
    report = response()
    typed = f"{first}HYPERLINK(x)"
    said = Answer(True, typed, dt.datetime(2024, 4, 3), typed, report.waiting_id)
    decide(bank, run_id="run", answer=said)
    with connect(bank) as connection:
        connection.execute(
            "update risk.lending_control set region = ? where region = 'north'", [typed]
        )
    publish(bank, run_id="run", month=MONTH)
    (folder,) = export_actions(bank, run_id="run").folders
    for name, columns in (
        ("strategy_action", ("decided_by", "reason")),
        ("lending_control", ("region",)),
    ):
        with (folder / f"{name}.csv").open(newline="") as stream:
            lines = list(csv.DictReader(stream))
        table = pd.read_parquet(folder / f"{name}.parquet")
        for column in columns:
            assert f"'{typed}" in {line[column] for line in lines}
            assert typed not in {line[column] for line in lines}
            assert typed in set(table[column])


COUNTS = {
    "events": 3,
    "linked_debtors": 1200,
    "actions": {"collection": 40, "freeze": 2},
    "rules": 5,
    "freezes_waiting": 2,
}


def test_the_message_holds_sums_only(settings: Settings) -> None:
    run = Run("default_response", "run", MONTH)
    told = response_message(settings, run, COUNTS)
    assert told.kinds == {"response"}
    assert told.title == "comove contract: default_response of 2024-03"
    assert told.body(told.entries).splitlines() == [
        "3 new default events, 1,200 linked debtors.",
        "collection: 40.",
        "freeze: 2.",
        "5 new rules for applications.",
    ]


def test_two_runs_with_the_same_sums_tell_of_different_events(settings: Settings) -> None:
    first, second = (
        response_message(settings, Run("default_response", name, MONTH), COUNTS)
        for name in ("first", "second")
    )
    assert first.entries != second.entries
