"""The gate of the response: what it lets through, and what it notices."""

import shutil
from pathlib import Path

import pytest
from tests.default_response.conftest import Respond, find, link
from tests.default_response.small_bank import change, open_bank

from comove.audit import open_run
from comove.default_response.respond import respond
from comove.errors import GateFailedError
from comove.quality import run_gate
from comove.settings import Settings


@pytest.fixture(scope="module")
def responded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank's warehouse after a response, with the run's record."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("responded"))
    find(open_bank(settings))
    link(settings)
    respond(settings, run_id="run")
    open_run(settings, run_id="run", dag_id="default_response", month=None)
    return settings.places.warehouse


@pytest.fixture
def responded(settings: Settings, responded_file: Path) -> Settings:
    """Settings of a home with that warehouse."""
    settings.places.make()
    shutil.copyfile(responded_file, settings.places.warehouse)
    return settings


def test_a_response_in_order_passes_every_check(responded: Settings) -> None:
    report = run_gate(responded, run_id="run", stage="default_response")
    assert report.failed == report.warned == report.not_available == ()
    assert len(report.passed) == 14


def test_a_month_without_defaults_is_not_available_and_no_failure(
    bank: Settings, response: Respond
) -> None:
    open_run(bank, run_id="run", dag_id="default_response", month=None)
    assert run_gate(bank, run_id="run", stage="default_response").failed == ()


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        (
            "insert into risk.strategy_action from risk.strategy_action limit 1",
            "No event, link, action or rule stands twice",
        ),
        (
            "insert into risk.default_event select * replace ('x' as event_id) "
            "from risk.default_event limit 1",
            "No event, link, action or rule stands twice",
        ),
        (
            "update risk.default_event set month = '2024-03-02'",
            "Months of defaults are the first day of the month",
        ),
        (
            "update risk.linked_debtor set joint_probability = 1.5",
            "Links are probabilities and ratios",
        ),
        (
            "update risk.linked_debtor set index_q05 = index_q95 + 1",
            "Intervals of links have their ends in order",
        ),
        (
            "update risk.strategy_action set status = 'approved' where strategy = "
            "'freeze'",
            "No freeze is in force that nobody has decided on",
        ),
        (
            "update risk.strategy_action set status = 'done' where strategy = 'freeze'",
            "No freeze is in force that nobody has decided on",
        ),
        (
            "update risk.strategy_action set contacts_per_week_before = 9",
            "Contacts are raised, never lowered",
        ),
        (
            "update risk.lending_control set limit_factor = 1.5",
            "Rules name a place, an end and a factor below 1",
        ),
        (
            "update risk.lending_control set region = null, industry = null",
            "Rules name a place, an end and a factor below 1",
        ),
        ("update risk.linked_debtor set event_id = 'x'", "Every link has its default"),
        (
            "update risk.strategy_action set borrower_key = 'x'",
            "Every action has its link",
        ),
        ("update risk.lending_control set event_id = 'x'", "Every rule has its default"),
        (
            "update risk.linked_debtor set borrower_key = event.borrower_key from "
            "risk.default_event as event where event.event_id = linked_debtor.event_id",
            "Nobody is linked to his own default",
        ),
        (
            "delete from risk.strategy_action where borrower_key = 'standing0'",
            "Every strategy has become an action",
        ),
        (
            "delete from risk.linked_debtor where borrower_key = 'standing0'",
            "Every default counts its links",
        ),
        (
            "update risk.strategy_action set is_strongest = true",
            "Each debtor has one strongest action a month",
        ),
    ],
)
def test_what_must_not_be_is_noticed(
    responded: Settings, statement: str, check: str
) -> None:
    change(responded, statement)
    with pytest.raises(GateFailedError, match=f"'{check}'"):
        run_gate(responded, run_id="run", stage="default_response")
