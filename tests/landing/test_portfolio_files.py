"""One transaction per entity; what a stopped run leaves behind, the next one mends."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from comove.contract import load_source
from comove.landing import LandingError
from comove.landing.portfolio_files import _later_than_all


def test_every_entity_has_its_raw_tables_even_without_files(lender):
    lender.loans("l1,b1,1,2024-01-31")
    lender.land()
    tables = {
        name
        for (name,) in lender.query(
            "select table_name from duckdb_tables() where schema_name = 'raw'"
        )
    }
    expected = {table.raw_table for table in load_source("contract")}
    assert tables == expected | {f"{name}__text" for name in expected}


def test_raw_columns_are_those_of_the_contract_and_provenance_in_order(lender):
    lender.loans("l1,b1,1,2024-01-31")
    lender.land()
    loans = next(table for table in load_source("contract") if table.name == "loans")
    provenance = ("_extra", "_file", "_row", "_landed_at", "_batch")
    for name in ("contract__loans", "contract__loans__text"):
        described = lender.query(f"describe raw.{name}")
        assert tuple(row[0] for row in described) == loans.column_names + provenance


def test_the_report_counts_files_and_rows_by_entity(lender):
    lender.loans("l1,b1,1,2024-01-31", "l2")
    report = lender.land()
    entity = report.entities["loans"]
    assert (entity.files_new, entity.rows_landed, entity.rows_unreadable) == (1, 2, 1)
    assert (report.files_new, report.rows_landed, report.files_refused) == (1, 2, 0)


def test_progress_is_told_file_by_file(lender, caplog):
    caplog.set_level("INFO", "comove.landing")
    lender.loans("l1,b1,1,2024-01-31")
    lender.land()
    lender.land()
    told = [record.message for record in caplog.records if record.levelname == "INFO"]
    assert told == [
        "loans/a.csv: 1 rows landed",
        "loans/a.csv: unchanged, not read again",
    ]


def test_a_column_new_in_the_contract_is_added_to_the_raw_table(lender):
    lender.loans("l1,b1,1,2024-01-31")
    lender.land()
    lender.query("alter table raw.contract__loans__text drop column cycle_days")
    lender.loans(
        "l2,b1,1,2024-01-31,30",
        header="loan_id,borrower_id,principal,disbursed_on,cycle_days",
    )
    lender.land()
    assert lender.query(
        "select loan_id, cycle_days from raw.contract__loans__text order by _landed_at"
    ) == [("l1", None), ("l2", "30")]


def test_a_file_that_changes_while_it_is_read_lands_nothing(lender, monkeypatch):
    path = lender.loans("l1,b1,1,2024-01-31")
    from comove.landing import entity

    def growing(*given):
        path.write_bytes(path.read_bytes() + b"l2,b1,1,2024-01-31\n")
        return plain(*given)

    plain = entity.insert_csv
    monkeypatch.setattr(entity, "insert_csv", growing)
    with pytest.raises(LandingError, match=r"loans/a\.csv: the file changed while"):
        lender.land()
    assert lender.query("select count(*) from audit.delivery") == [(0,)]
    monkeypatch.undo()
    assert lender.land().rows_landed == 2


# Kills itself at the named function: as it is entered, or once it has returned.
KILLED = """
    import os, signal, sys
    from pathlib import Path
    from comove.landing import entity, land
    from comove.settings import Settings

    plain = getattr(entity, sys.argv[2])

    def deadly(*given, **named):
        plain(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(entity, sys.argv[2], deadly)
    land(Settings(portfolio="contract", home=Path(sys.argv[1])), run_id="killed")
"""


@pytest.mark.parametrize("point", ["insert_csv", "record_landed", "record_unreadable"])
def test_a_retry_after_sigkill_lands_everything_once(lender, point):
    lender.loans("l1,b1,1,2024-01-31", "l2", "l3,b1,3,2024-01-31")
    home = str(lender.settings.home)
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), home, point], env={**os.environ}
    )
    assert killed.returncode == -signal.SIGKILL
    lender.land()
    assert lender.landed() == [("l1", 1), ("l3", 3)]
    assert [row for row, *_ in lender.unreadable()] == [2]
    assert lender.query("select count(*) from audit.delivery") == [(1,)]


def test_left_over_copies_of_a_killed_run_are_removed(lender):
    left_over = lender.settings.places.scratch / "landing" / "old.csv"
    left_over.parent.mkdir(parents=True)
    left_over.write_text("personal data")
    lender.loans("l1,b1,1,2024-01-31")
    lender.land()
    assert list(left_over.parent.iterdir()) == []


def test_landings_follow_each_other_even_when_the_clock_is_set_back(lender):
    from comove.connection import connect

    lender.loans("l1,b1,1,2024-01-31")
    lender.land()
    lender.query("update audit.delivery set landed_at = timestamp '2999-01-01'")
    with connect(lender.settings) as connection:
        assert str(_later_than_all(connection)) == "2999-01-01 00:00:00.000001"
