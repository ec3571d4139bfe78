"""What is said at the end of `make run` and by `comove status`."""

import datetime as dt
from io import StringIO

import duckdb
import pytest
from rich.console import Console

from comove.audit.tables import ensure_tables
from comove.embedded.summary import last_run_id, read_summary, show_summary
from comove.errors import WarehouseError
from comove.settings import Settings

NOW = dt.datetime(2024, 4, 1)
# Severity, success, observed.
CHECKS = {
    "No file was refused": ("critical", False, "loans/a.csv.gz: truncated_gz"),
    "Few rows are unreadable": ("warning", False, "0.3"),
    "No unknown column": ("info", False, "note"),
    "Every row is there": ("critical", True, "0"),
    "Like the delivery before": ("info", True, "not available yet"),
}


@pytest.fixture
def failed_run(settings: Settings) -> Settings:
    settings.places.make()
    with duckdb.connect(settings.places.serving) as connection:
        ensure_tables(connection)
        connection.execute(
            "insert into audit.run (run_id, dag_id, portfolio, month, status, git_sha,"
            " settings_hash, seed, versions, started_at)"
            " values ('r1', 'warehouse', 'contract', '2024-03-01', 'failed', 'abc', 'h',"
            " 1, '{}', ?)",
            [NOW],
        )
        for name, (severity, success, observed) in CHECKS.items():
            connection.execute(
                "insert into audit.quality_result values"
                " ('r1', 'landed', ?, ?, ?, ?, '', null, null, 'Deliver it again.', ?)",
                [name, severity, success, observed, NOW],
            )
    return settings


def test_checks_are_counted_as_on_the_page_of_the_gates(failed_run: Settings) -> None:
    found = read_summary(failed_run, last_run_id(failed_run))
    assert found.gates == [("landed", 1, 1, 1, 1, 1)]


def test_the_summary_says_which_run_failed_why_and_what_to_do(
    failed_run: Settings,
) -> None:
    said = StringIO()
    console = Console(file=said, width=150)
    show_summary(console, read_summary(failed_run, "r1"), failed_run)
    for words in ("r1", "2024-03", "failed", "loans/a.csv.gz", "Deliver it again."):
        assert words in said.getvalue()


def test_a_run_that_was_never_opened_has_an_empty_summary(failed_run: Settings) -> None:
    found = read_summary(failed_run, "another")
    assert (found.run, found.failures, found.gates) == ([], [], [])


def test_an_audit_trail_of_another_version_is_a_sentence_not_a_stack(
    failed_run: Settings,
) -> None:
    with duckdb.connect(failed_run.places.serving) as connection:
        connection.execute("alter table audit.quality_result drop column severity")
    with pytest.raises(WarehouseError, match="audit trail cannot be read"):
        read_summary(failed_run, "r1")
