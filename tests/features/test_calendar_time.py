"""No feature depends on how long ago the data begin: that would be calendar time."""

from pathlib import Path

import pandas as pd
from tests.features.conftest import LABELS, Built, of_applications, of_months

# Sources as a lender would deliver them that began in May 2023: loans over by then and
# what had happened by then are not there. Borrowers have been known a year longer.
BEGINNING = "2023-05-01"
# A year later every window of months is full, a day after that every window of days.
STEADY_MONTH, STEADY_DAY = "2024-05-01", pd.Timestamp("2024-05-02")
OVER = f"""(
    select ids.loan_id
    from intermediate.int_loan_life as lives
    inner join intermediate.int_loan as loans using (loan_no)
    inner join raw.base_contract__loans as ids using (loan_key)
    where lives.closed_on < date '{BEGINNING}'
)"""
KEPT_APPLICATIONS = f"""(
    select application_id from raw.base_contract__loans
    where application_id is not null and loan_id not in {OVER}
)"""
CUT = (
    f"create temporary table over as {OVER}",
    f"create temporary table asked as {KEPT_APPLICATIONS}",
    *(
        f"delete from raw.base_contract__{entity} where loan_id in (from over)"
        for entity in ("repayments", "loan_events", "loans")
    ),
    f"""
    delete from raw.base_contract__applications
    where greatest(applied_at, decided_at) < date '{BEGINNING}'
    and application_id not in (from asked)
    """,
    f"""
    delete from raw.base_contract__collections
    where contacted_at < date '{BEGINNING}'
    """,
    f"""
    delete from raw.base_contract__transactions
    where occurred_at < date '{BEGINNING}'
    """,
    """
    update raw.base_contract__borrowers
    set registered_at = registered_at - interval 12 month
    """,
)


def test_features_are_those_of_a_lender_whose_history_begins_later(
    built: Built, as_built: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    months, applications = as_built
    with built.changed(tmp_path, *CUT) as connection:
        later_months = of_months(connection)
        later_applications = of_applications(connection)
        left = connection.execute("from intermediate.int_loan").df()
    assert 0 < len(left) < len(built.tables["loans"]) - 10

    kept = months.columns.difference(LABELS)
    assert len(later_months.loc[STEADY_MONTH:]) > 70
    pd.testing.assert_frame_equal(
        months.loc[STEADY_MONTH:, kept], later_months.loc[STEADY_MONTH:, kept]
    )
    kept = applications.columns.difference(LABELS)
    asked = applications.index[applications["applied_at"] >= STEADY_DAY]
    assert len(asked) > 40
    pd.testing.assert_frame_equal(
        applications.loc[asked, kept], later_applications.loc[asked, kept]
    )
