"""What is told of runs that fail or wait, and where the links lead."""

import datetime as dt

import pytest

from comove.errors import GateFailedError, SettingsError
from comove.notify import Run
from comove.notify.approval import waits_for_approval
from comove.notify.failure import run_failed, task_failed
from comove.settings import Settings

RUN = Run(
    "overdue", "manual__2024-04-02T05:00:00+00:00", dt.date(2024, 3, 1), "http://ui"
)
AT = "http://ui/dags/overdue/runs/manual__2024-04-02T05%3A00%3A00%2B00%3A00"


def test_a_failed_task_is_named_and_its_error_is_not_quoted(settings: Settings) -> None:
    error = SettingsError("there is no borrower 'Ada'.", where="borrower", remedy="Look.")
    told = task_failed(settings, RUN, task_id="assess", error=error)
    assert told.kinds == {"failure"}
    assert told.title == "comove contract: overdue of 2024-03 failed"
    assert told.body(told.entries) == f"The task assess failed.\n\n{AT}"


def test_a_gate_names_its_checks_and_not_what_they_saw(settings: Settings) -> None:
    error = GateFailedError(
        "1 critical check(s) failed. observed borrower B17",
        where="gate 'marts'",
        remedy="Correct it.",
        checks=("Keys are unique", "Sums add up"),
    )
    told = task_failed(settings, RUN, task_id="gate_tables", error=error)
    assert told.kinds == {"gate", "failure"}
    assert told.body(told.entries) == (
        "gate_tables: 2 critical check(s) failed: Keys are unique; Sums add up.\n\n"
        "http://ui/comove/data-quality?month=2024-03"
    )


def test_a_gate_that_fails_on_other_figures_is_news(settings: Settings) -> None:
    def entry(observed: str) -> object:
        error = GateFailedError(observed, where="gate", remedy="", checks=("A check",))
        (found,) = task_failed(settings, RUN, task_id="gate", error=error).entries
        return found

    assert entry("3 rows") == entry("3 rows")
    assert entry("3 rows") != entry("4 rows")


def test_what_the_last_task_tells_again_was_told_by_the_gate(settings: Settings) -> None:
    error = GateFailedError("found", where="gate", remedy="", checks=("A check",))
    gate = task_failed(settings, RUN, task_id="gate", error=error)
    again = run_failed(settings, RUN, tasks=["gate"])
    assert again.group == gate.group
    assert again.entries[0].about == gate.entries[0].about
    assert again.entries[0].is_told_once


def test_a_question_links_to_its_form(settings: Settings) -> None:
    told = waits_for_approval(
        settings, RUN, task_id="approve", subject="Freeze", waiting=1234, waiting_id="a"
    )
    assert told.kinds == {"approval"}
    assert told.title == "comove contract: overdue of 2024-03 waits for an approval"
    assert told.body(told.entries) == (
        "Freeze: 1,234 waiting. Answer under Required Actions.\n\n"
        f"{AT}/tasks/approve/required_actions"
    )


def test_as_many_others_that_wait_are_news(settings: Settings) -> None:
    first, second = (
        waits_for_approval(
            settings, RUN, task_id="a", subject="s", waiting=2, waiting_id=waiting
        )
        for waiting in ("these", "those")
    )
    assert first.entries != second.entries


@pytest.mark.parametrize("month", [None, dt.date(2024, 3, 1)])
def test_without_the_address_of_the_ui_there_is_no_link(month: dt.date | None) -> None:
    run = Run("warehouse", "run", month)
    assert (run.link, run.page("runs"), run.required_actions("approve")) == (None,) * 3


def test_a_run_whose_month_is_not_known_is_told_without_it() -> None:
    run = Run("warehouse", "run", None, "http://ui/")
    assert run.what == "warehouse"
    assert run.page("data-quality") == "http://ui/comove/data-quality"
