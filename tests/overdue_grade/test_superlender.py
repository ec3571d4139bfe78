"""SuperLender: grades from the first instalments and closings as they were published."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.overdue_grade.lender import GRADES, SEED, build, read
from tests.overdue_grade.plain import grade_all
from tests.portfolios.published import PUBLISHED, require_published

from comove.audit import open_run
from comove.default_response.identity import hashed
from comove.landing import land
from comove.overdue_grade.request import month_end, rules_of
from comove.settings import Settings
from comove.warehouse import build as build_warehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

FILES = PUBLISHED / "superlender"
JULY = dt.date(2017, 7, 1)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The portfolio, landed, built and graded."""
    require_published("superlender")
    settings = _settings(tmp_path_factory.mktemp("superlender"))
    settings.places.make()
    open_run(settings, run_id="grades", dag_id="warehouse", month=JULY)
    land(settings, run_id="grades")
    build_warehouse(settings, run_id="grades", month=JULY)
    build(settings, JULY)
    return settings


def _settings(home: Path) -> Settings:
    return Settings(portfolio="superlender", home=home, data=FILES)


def _published_loans() -> pd.DataFrame:
    """Previous loans with what the files say of them; current ones have no dates."""
    rows = pd.read_csv(FILES / "previous_loans.csv.gz", dtype=str).drop_duplicates()
    days = pd.DataFrame(index=rows.index)
    days["loan"] = rows["systemloanid"]
    days["borrower"] = rows["customerid"]
    for name, column in (
        ("disbursed_on", "approveddate"),
        ("closed_on", "closeddate"),
        ("due_on", "firstduedate"),
        ("repaid_on", "firstrepaiddate"),
    ):
        days[name] = pd.to_datetime(rows[column])
    term = rows["termdays"].astype(int)
    days["cycle_days"] = np.minimum(term, 30)
    # Closed a day or more after its first payment, one instalment was paid in parts.
    single = np.maximum(term // 30, 1) == 1
    later = days["closed_on"] >= days["repaid_on"] + pd.Timedelta(days=1)
    days["settled_on"] = days["closed_on"].where(single & later, days["repaid_on"])
    # By the marts, one instalment paid closes a loan of one month, though it was booked
    # after midnight, and the end of the term a longer one with nothing left unpaid.
    months = (term / 30).round().where(term >= 30)
    ends = [
        day if pd.isna(n) else day.normalize() + pd.DateOffset(months=int(n))
        for day, n in zip(days["disbursed_on"], months, strict=True)
    ]
    done = pd.Series(pd.to_datetime(ends), index=days.index)
    done = done.where(done > days["settled_on"], days["settled_on"])
    done = done.where(months != 1, days["settled_on"])
    sooner = months.notna() & (done < days["closed_on"])
    days["closed_on"] = days["closed_on"].mask(sooner, done)
    return days.dropna(subset=["repaid_on"])


def _as_days(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    found = frame.astype(object)
    for name in names:
        found[name] = [None if pd.isna(one) else one.date() for one in frame[name]]
    return found


def test_grades_are_those_of_the_published_dates(graded: Settings) -> None:
    loans = _as_days(
        _published_loans(), "disbursed_on", "closed_on", "due_on", "settled_on"
    )
    loans["paid_in_full_on"] = loans["closed_on"]
    loans["observed_until"] = None
    expected = grade_all(
        loans,
        loans[["loan", "due_on", "settled_on"]],
        as_of=month_end(JULY),
        rules=rules_of(graded),
        bands=pd.read_csv(SEED),
    )
    keys = {one: hashed(graded, one) for one in set(expected["borrower"])}
    expected["borrower_key"] = expected["borrower"].map(keys)
    found = read(graded, GRADES)
    found["observed_on"] = found["observed_on"].dt.date
    both = expected.merge(
        found, on=["borrower_key", "observed_on"], how="outer", suffixes=("", "_found")
    )
    assert len(both) == len(found)
    for name in ("current_extreme", "historical_extreme", "point_no", "grade"):
        assert (both[name] == both[f"{name}_found"]).all(), name
    gaps = (both["weight_historical"] - both["weight_historical_found"]).abs()
    assert gaps.max() < 1e-12
    assert len(found) > 20_000
    assert found["grade"].nunique() == 6


def test_late_closings_make_worse_grades(graded: Settings) -> None:
    """A loan closed 30 days late or more leaves its borrower no A at the next point."""
    loans = _published_loans()
    late = loans[(loans["settled_on"] - loans["due_on"]).dt.days >= 30]
    found = read(graded, GRADES)
    checked = 0
    for one in late.itertuples():
        own = found[found["borrower_key"] == hashed(graded, str(one.borrower))]
        after = own[own["observed_on"] >= one.settled_on.normalize()]
        if len(after):
            assert after["historical_extreme"].iloc[0] >= 30
            assert after["grade"].iloc[0] != "A"
            checked += 1
    assert checked > 100
