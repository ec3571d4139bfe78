"""The marts say what looking at every loan on every day says."""

import pandas as pd
import pytest
from tests.marts.by_day import borrower_months, lasting_defaults, loan_months
from tests.marts.conftest import Built

LOAN_COLUMNS = [
    "days_past_due",
    "days_past_due_max",
    "days_past_due_at_start",
    "is_at_risk",
    "is_event",
]


@pytest.fixture(scope="module")
def expected(built: Built) -> pd.DataFrame:
    return loan_months(built.tables)


@pytest.fixture(scope="module")
def found(built: Built) -> pd.DataFrame:
    rows = built.read(
        """
        select loans.loan_id, loans.borrower_id, months.*
        from marts.fct_loan_month as months
        inner join raw.base_contract__loans as loans using (loan_key)
        """
    )
    return rows.assign(month=pd.to_datetime(rows.month).dt.date)


def together(found: pd.DataFrame, expected: pd.DataFrame, key: str) -> pd.DataFrame:
    both = found.merge(
        expected,
        on=[key, "month"],
        how="outer",
        suffixes=("", "_expected"),
        indicator=True,
    )
    assert both._merge.eq("both").all(), both[both._merge != "both"].head()
    return both


@pytest.mark.parametrize("column", LOAN_COLUMNS)
def test_loan_months_agree(
    found: pd.DataFrame, expected: pd.DataFrame, column: str
) -> None:
    both = together(found, expected, "loan_id")
    wrong = both[both[column] != both[f"{column}_expected"]]
    assert wrong.empty, wrong[["loan_id", "month", column, f"{column}_expected"]].head()


def test_exposures_agree_to_the_cent(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    both = together(found, expected, "loan_id")
    gap = (both.exposure.astype(float) - both.exposure_expected).abs()
    # A cent: half a cent may be rounded either way.
    assert gap.max() < 0.011, both[gap >= 0.011][["loan_id", "month", "exposure"]].head()


def test_the_random_lender_has_every_kind_of_month(expected: pd.DataFrame) -> None:
    assert expected.is_event.sum() > 30
    assert expected.days_past_due.max() > 60
    assert (expected.days_past_due_max > expected.days_past_due).sum() > 50


def test_borrower_months_agree(
    built: Built, found: pd.DataFrame, expected: pd.DataFrame
) -> None:
    ids = found[["borrower_key", "borrower_id"]].drop_duplicates()
    rows = built.read("select * from marts.fct_borrower_month").merge(ids)
    rows = rows.assign(month=pd.to_datetime(rows.month).dt.date)
    wanted = borrower_months(expected, lasting_defaults(built.tables))
    both = together(rows, wanted, "borrower_id")
    for column in ("is_at_risk", "is_event", "current_dpd_max", "historical_dpd_max"):
        wrong = both[both[column] != both[f"{column}_expected"]]
        assert wrong.empty, wrong[["borrower_id", "month", column]].head()
    gap = (both.exposure.astype(float) - both.exposure_expected).abs()
    assert gap.max() < 0.05


def test_instalments_carry_all_their_payments(built: Built) -> None:
    paid = (
        built.tables["repayments"].groupby(["loan_id", "instalment_no"]).paid_amount.sum()
    )
    rows = built.read(
        """
        select loans.loan_id, repayments.*
        from marts.fct_repayment as repayments
        inner join raw.base_contract__loans as loans using (loan_key)
        """
    ).set_index(["loan_id", "instalment_no"])
    assert len(rows) == len(paid)
    assert (rows.paid_amount.astype(float) - paid).abs().max() < 0.005
