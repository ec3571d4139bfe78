"""What an application is decided by knows nothing of later days."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from tests.features.conftest import STAGES, Built, compiled
from tests.features.test_point_in_time import CHANGES, MONTH, changed_columns

from comove.decision import tables as decision_tables
from comove.risk_model import tables as risk_tables

pytestmark = pytest.mark.slow

# What became of it: only later decisions may learn from that.
LABELS = ["is_bad", "outcome_known_on", "granted_amount", "is_decided_by_lender"]
# Of what happens on the day itself nobody knows whether it came before.
HISTORY = {
    "loans_before",
    "open_loans",
    "repaid_loans",
    "events_12m",
    "last_principal",
    "open_principal",
    "days_since_last_loan",
    "late_share_12m",
    "worst_dpd_12m",
    "overdue_days_now",
    "credit_limit_before",
}
OTHERS = {"rejected_12m", "contacts_12m", "monthly_inflow"}


@pytest.fixture(scope="module")
def decided_by(built: Built) -> Built:
    """The lender, with the cases of decisions among what is made anew."""
    stages = (*STAGES, "models/decision/cases/")
    return Built(built.tables, built.settings, compiled(built.settings, stages))


def of_cases(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    rows = connection.execute("from risk.decision_case").df()
    return rows.set_index("application_key").sort_index().drop(columns=LABELS)


def made(lender: Built, folder: Path, *changes: str) -> Iterator[pd.DataFrame]:
    folder.mkdir()
    definitions = (risk_tables.DEFINITIONS, decision_tables.DEFINITIONS)
    written = [file.read_text() for file in definitions]
    with lender.changed(folder, *written, *changes) as connection:
        yield of_cases(connection)


def test_cases_know_only_what_was_known_before(decided_by: Built, tmp_path: Path) -> None:
    (before,) = made(decided_by, tmp_path / "before")
    (after,) = made(decided_by, tmp_path / "after", *(one.sql for one in CHANGES))
    applied_on, month = before["applied_on"], pd.Timestamp(MONTH)
    until, on_the_day = (
        before.index[which] for which in (applied_on < month, applied_on == month)
    )
    assert min(len(until), 100 * len(on_the_day)) >= 100
    pd.testing.assert_frame_equal(before.loc[until], after.loc[until])
    known = sorted(HISTORY)
    pd.testing.assert_frame_equal(
        before.loc[on_the_day, known], after.loc[on_the_day, known]
    )
    assert changed_columns(before, after) >= HISTORY | OTHERS
