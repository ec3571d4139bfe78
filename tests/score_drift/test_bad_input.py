"""What a cell says of itself when there is no KS to be had, or none to be trusted."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.score_drift.book import Tables, applications, build_book

from comove.score_drift.request import nearest_above

# A build of the tables each.
pytestmark = pytest.mark.slow


def _month(number: int, n: int, **columns: object) -> pd.DataFrame:
    """Applications of one month of 2024, approved, drawn and paid out at once."""
    at = pd.Timestamp(2024, number, 10)
    rows = pd.DataFrame(
        {
            "application_key": [f"{number:02d}{k:030x}" for k in range(n)],
            "cohort_month": at.replace(day=1),
            "decision": "approved",
            "drawdown_decision": "approved",
            "applied_at": at,
            "decided_at": at + pd.Timedelta(days=1),
            "drawdown_applied_at": at + pd.Timedelta(days=2),
            "drawdown_decided_at": at + pd.Timedelta(days=3),
            "disbursed_at": at + pd.Timedelta(days=4),
            "is_bad": pd.array([k % 2 == 0 for k in range(n)], dtype="boolean"),
            "own_score": 500.0 + np.arange(n),
            "personal_credit_score": 550.0 + np.arange(n) * 200.0 / max(n, 1),
        }
    )
    return rows.assign(**columns)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """A month for each oddity; nobody applies in June."""
    unordered = pd.Timestamp(2024, 7, 9)
    rows = pd.concat(
        [
            _month(1, 80, is_lost=[k == 0 for k in range(80)]),
            _month(2, 30, is_bad=pd.array([False] * 30, dtype="boolean")),
            _month(3, 1),
            _month(4, 30, own_score=612.5),
            _month(5, 30, own_score=np.nan),
            _month(7, 30, drawdown_applied_at=unordered),
            _month(12, 40),
        ]
    )
    folder = tmp_path_factory.mktemp("odd")
    return build_book(rows, folder, drift_baseline_months=1)


@pytest.mark.parametrize(
    ("month", "stage", "status"),
    [
        ("2024-01", "disbursed", "judged"),
        ("2024-02", "disbursed", "one class"),
        ("2024-03", "disbursed", "one application"),
        ("2024-04", "disbursed", "all scores equal"),
        ("2024-05", "disbursed", "no scores"),
        ("2024-06", "disbursed", "no applications"),
        ("2024-01", "credit_rejected", "no applications"),
        ("2024-07", "disbursed", "no labels"),
    ],
)
def test_a_cell_says_why_it_cannot_be_judged(
    odd: Tables, month: str, stage: str, status: str
) -> None:
    cell = odd.cell(cohort_month=month, stage=stage, label="performance")
    assert cell.status == status
    assert not cell.is_drift


def test_one_class_or_one_application_has_no_ks(odd: Tables) -> None:
    for month in ("2024-02", "2024-03", "2024-05", "2024-06"):
        cell = odd.cell(cohort_month=month, stage="disbursed", label="performance")
        assert np.isnan(cell.ks)
        assert np.isnan(cell.ks_low)
        assert np.isnan(cell.baseline_change)


def test_equal_scores_tell_nothing_apart(odd: Tables) -> None:
    cell = odd.cell(cohort_month="2024-04", stage="disbursed", label="performance")
    assert (cell.ks, cell.ks_binned, cell.ks_low) == (0, 0, 0)
    assert cell.n_good == cell.n_bad == 15


def test_a_month_nobody_applied_in_stands_in_the_matrix(odd: Tables) -> None:
    rows = odd.read("select * from risk.score_drift where month(cohort_month) = 6")
    assert len(rows) == 14
    assert (rows["n"] == 0).all()
    assert rows["score_shift_ks"].isna().all()
    after = odd.cell(cohort_month="2024-07", stage="credit_applied", label="policy")
    assert np.isnan(after.horizontal_change)


def test_clocks_out_of_order_are_counted_and_the_funnel_still_adds_up(
    odd: Tables,
) -> None:
    """Drawn on the 9th, applied on the 10th, approved on the 11th: it was paid out."""
    counts = odd.read("select * from risk.funnel_count where month(cohort_month) = 7")
    by_stage = counts.set_index("stage")
    assert by_stage.n_out_of_order.credit_applied == 30
    assert by_stage.n.disbursed == by_stage.n.credit_approved == 30
    assert by_stage.n.credit_rejected == by_stage.n_waiting.credit_applied == 0


def test_one_loan_that_is_never_known_keeps_no_cohort_from_being_judged(
    odd: Tables,
) -> None:
    counts = odd.read(
        "select * from risk.funnel_count "
        "where month(cohort_month) = 1 and stage = 'disbursed'"
    ).iloc[0]
    assert (counts.n, counts.n_immature, counts.n_unknown) == (80, 1, 1)
    cell = odd.cell(cohort_month="2024-01", stage="disbursed", label="performance")
    assert (cell.status, cell.n_good + cell.n_bad) == ("judged", 79)


def test_the_newest_cohorts_are_immature(odd: Tables) -> None:
    policy = odd.cell(cohort_month="2024-12", stage="disbursed", label="policy")
    assert (policy.status, policy.is_mature) == ("immature", False)
    top = odd.cell(cohort_month="2024-12", stage="credit_applied", label="policy")
    assert top.is_mature


def test_a_portfolio_without_any_score_says_so(tmp_path: Path) -> None:
    rows = applications(months=3, a_month=50).assign(
        own_score=np.nan, application_score=np.nan
    )
    tables = build_book(rows, tmp_path)
    assert tables.report.cells == 0
    assert "not available for this portfolio" in str(tables.report.unavailable)
    assert set(tables.read("select status from risk.score_drift").status) <= {
        "no scores",
        "no applications",
    }


def test_without_features_of_applicants_there_are_no_policy_labels(
    tmp_path: Path,
) -> None:
    names = ["personal_credit_score", "employment_months", "monthly_income"]
    tables = build_book(applications(months=2, a_month=60).drop(columns=names), tmp_path)
    labels = tables.read("select * from risk.application_label")
    assert labels[["first_label", "second_label", "policy_label"]].isna().all(axis=None)
    assert set(
        tables.read("select status from risk.score_drift where label = 'policy'").status
    ) == {"no labels"}


def test_a_baseline_of_months_without_scores_compares_nothing(tmp_path: Path) -> None:
    rows = applications(months=4, a_month=60)
    early = rows["cohort_month"] < np.datetime64("2024-11-01")
    rows["own_score"] = rows["own_score"].mask(early)
    tables = build_book(rows, tmp_path, drift_baseline_months=2)
    cell = tables.cell(cohort_month="2024-12", stage="credit_applied", label="policy")
    assert cell.ks > 0
    assert np.isnan(cell.baseline_change)
    assert np.isnan(cell.score_shift_ks)
    assert not cell.is_drift


def test_a_baseline_may_begin_later(tmp_path: Path) -> None:
    tables = build_book(
        applications(months=6, a_month=60),
        tmp_path,
        drift_baseline_from=dt.date(2024, 9, 1),
        drift_baseline_months=2,
    )
    found = tables.read(
        "select distinct cohort_month from risk.score_drift where is_baseline order by 1"
    )
    assert [f"{month:%Y-%m}" for month in found["cohort_month"]] == ["2024-09", "2024-10"]


def test_the_stage_above_is_the_nearest_recorded_one() -> None:
    absent = {"drawdown_applied": "not recorded", "credit_applied": "not recorded"}
    assert nearest_above("disbursed", absent) == "credit_approved"
    assert nearest_above("credit_approved", absent) is None
    assert nearest_above("credit_applied", {}) is None
