"""Features equal those computed loan by loan and payment by payment from the files."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from tests.features.conftest import Built

from comove.warehouse import run_dbt

EVENT_DAYS = 30
YEAR = pd.Timedelta(days=365)


@pytest.fixture(scope="module")
def rows(built: Built) -> pd.DataFrame:
    """Borrower-months with their features and the lender's own borrower ids."""
    return built.read(
        """
        select features.*, ids.borrower_id
        from features.feat_borrower_month as features
        inner join raw.base_contract__borrowers as ids using (borrower_key)
        where ids._status = 'accepted'
        """
    )


@pytest.fixture(scope="module")
def asked(built: Built) -> pd.DataFrame:
    """Applications with their features and the lender's own ids."""
    return built.read(
        """
        select features.*, ids.borrower_id, ids.application_id
        from features.feat_application as features
        inner join raw.base_contract__applications as ids using (application_key)
        where ids._status = 'accepted'
        """
    )


def months_before(month: pd.Timestamp, count: int) -> pd.Timestamp:
    return month - pd.DateOffset(months=count)


def counted(
    rows: pd.DataFrame, table: pd.DataFrame, column: str, months: int
) -> list[int]:
    """Rows of a table in the last months before each borrower-month."""
    moments = pd.to_datetime(table[column])
    by_borrower = {key: moments[part.index] for key, part in table.groupby("borrower_id")}
    return [
        int(
            by_borrower.get(row.borrower_id, moments[:0])
            .between(months_before(row.month, months), row.month, inclusive="left")
            .sum()
        )
        for row in rows.itertuples()
    ]


def instalments(built: Built) -> pd.DataFrame:
    """Instalments with the day their payments first reach what is due."""
    records = []
    for (loan, number), part in built.tables["repayments"].groupby(
        ["loan_id", "instalment_no"]
    ):
        due_amount = part["due_amount"].iloc[-1]
        paid = part.dropna(subset="paid_on").sort_values("paid_on")
        total = paid.groupby("paid_on")["paid_amount"].sum().cumsum()
        reached = total[total >= due_amount - 0.005]
        settled = reached.index[0] if len(reached) else None
        records.append((loan, number, part["due_on"].iloc[-1], settled))
    table = pd.DataFrame(
        records, columns=["loan_id", "instalment_no", "due_on", "settled_on"]
    )
    loans = built.tables["loans"][["loan_id", "borrower_id", "disbursed_on"]]
    table["due_on"] = pd.to_datetime(table["due_on"])
    table["settled_on"] = pd.to_datetime(table["settled_on"])
    return table.merge(loans, on="loan_id").merge(lives(built), on="loan_id")


def lives(built: Built) -> pd.DataFrame:
    """When each loan began and ended, as the marts have it."""
    return built.read(
        """
        select ids.loan_id, lives.closed_on, lives.first_month_no
        from intermediate.int_loan_life as lives
        inner join intermediate.int_loan as loans using (loan_no)
        inner join raw.base_contract__loans as ids using (loan_key)
        where ids._status = 'accepted'
        """
    )


def test_contacts_transactions_and_applications_are_counted_in_whole_months_before(
    built: Built, rows: pd.DataFrame
) -> None:
    tables = built.tables
    for feature, entity, column, months in (
        ("contacts_3m", "collections", "contacted_at", 3),
        ("contacts_12m", "collections", "contacted_at", 12),
        ("transactions_3m", "transactions", "occurred_at", 3),
        ("applications_12m", "applications", "applied_at", 12),
    ):
        expected = counted(rows, tables[entity], column, months)
        assert rows[feature].tolist() == expected, feature
    rejected = tables["applications"].query("decision == 'rejected'")
    expected = counted(rows, rejected, "decided_at", 12)
    assert rows["rejected_applications_12m"].tolist() == expected
    refused = tables["collections"].query("outcome == 'refused'")
    assert rows["refusals_12m"].tolist() == counted(rows, refused, "contacted_at", 12)


def test_the_limit_in_force_is_the_last_one_before_the_month(
    built: Built, rows: pd.DataFrame
) -> None:
    limits = built.tables["credit_limits"].sort_values("effective_on")
    days = pd.to_datetime(limits["effective_on"])
    expected = []
    for row in rows.itertuples():
        own = limits[(limits["borrower_id"] == row.borrower_id) & (days < row.month)]
        expected.append(own["credit_limit"].iloc[-1] if len(own) else np.nan)
    np.testing.assert_array_equal(rows["credit_limit"], expected)
    np.testing.assert_allclose(rows["utilisation"], rows["exposure"] / expected)


def test_lateness_is_that_of_the_day_before_the_month(
    built: Built, rows: pd.DataFrame
) -> None:
    table = instalments(built)
    by_borrower = dict(list(table.groupby("borrower_id")))
    expected = {"share": [], "late": [], "dpd": []}
    for row in rows.itertuples():
        own = by_borrower.get(row.borrower_id, table[:0])
        own = own[~(own["due_on"] > own["closed_on"])]
        last = row.month - pd.Timedelta(days=1)
        late = ~(own["settled_on"] <= own["due_on"])
        half = own["due_on"].between(months_before(row.month, 6), last)
        year = own["due_on"].between(months_before(row.month, 12), last)
        expected["share"].append(1 - late[half].mean() if half.any() else np.nan)
        expected["late"].append(int(late[year].sum()))
        owed = own[
            (pd.to_datetime(own["disbursed_on"]) <= last)
            & ~(own["closed_on"] <= last)
            & ~(own["settled_on"] <= last)
        ]
        days = (last - owed["due_on"]).dt.days
        expected["dpd"].append(max(0, int(days.max())) if len(days) else 0)
    np.testing.assert_allclose(rows["paid_on_time_share_6m"], expected["share"])
    assert rows["late_instalments_12m"].tolist() == expected["late"]
    assert rows["days_past_due"].tolist() == expected["dpd"]


def test_the_newest_loan_and_its_application_describe_the_month(
    built: Built, rows: pd.DataFrame
) -> None:
    loans = built.tables["loans"].merge(
        built.tables["applications"][["application_id", "requested_amount"]],
        on="application_id",
        how="left",
    )
    days = pd.to_datetime(loans["disbursed_on"])
    for row in rows.sample(300, random_state=1).itertuples():
        own = loans[(loans["borrower_id"] == row.borrower_id) & (days < row.month)]
        newest = own[own["disbursed_on"] == own["disbursed_on"].max()]
        assert row.principal in newest["principal"].to_list()
        if len(newest) == 1:
            np.testing.assert_equal(
                row.requested_amount, newest["requested_amount"].iloc[0]
            )


def test_promises_broken_are_those_with_too_little_paid_until_their_day(
    built: Built, rows: pd.DataFrame
) -> None:
    payments = (
        built.tables["repayments"]
        .dropna(subset="paid_on")
        .merge(built.tables["loans"][["loan_id", "borrower_id"]], on="loan_id")
    )
    promises = built.tables["collections"].dropna(subset="promised_on").copy()
    promises["is_broken"] = [
        payments[
            (payments["borrower_id"] == promise.borrower_id)
            & (payments["paid_on"] >= promise.contacted_at.date())
            & (payments["paid_on"] <= promise.promised_on)
        ]["paid_amount"].sum()
        < promise.promised_amount - 0.005
        for promise in promises.itertuples()
    ]
    broken = promises[promises["is_broken"]]
    assert 0 < len(broken) < len(promises)
    expected = counted(rows, broken, "promised_on", 12)
    assert rows["broken_promises_12m"].tolist() == expected


def test_an_application_knows_the_loans_and_applications_of_the_year_before_it(
    built: Built, asked: pd.DataFrame
) -> None:
    applications = built.tables["applications"]
    loans = built.tables["loans"].merge(lives(built), on="loan_id")
    for row in asked.itertuples():
        day = row.applied_at.date()
        year_ago = pd.Timestamp(day) - YEAR
        own = loans[
            (loans["borrower_id"] == row.borrower_id)
            & (loans["disbursed_on"] < day)
            & ~(loans["closed_on"] < year_ago)
            & (loans["application_id"] != row.application_id)
        ]
        earlier = applications[
            (applications["borrower_id"] == row.borrower_id)
            & (applications["applied_at"] >= year_ago)
            & (applications["applied_at"] < row.applied_at)
        ]
        assert row.loans_12m == len(own)
        assert row.applications_12m == len(earlier)
        assert (
            row.rejected_12m
            == (
                (earlier["decision"] == "rejected")
                & (earlier["decided_at"] < row.applied_at)
            ).sum()
        )
        np.testing.assert_equal(
            row.requested_to_largest_principal,
            row.requested_amount / own["principal"].max() if len(own) else np.nan,
        )


def test_an_application_knows_the_instalments_due_or_settled_in_the_year_before_it(
    built: Built, asked: pd.DataFrame
) -> None:
    table = instalments(built)
    ids = dict(
        zip(
            built.tables["loans"].loan_id,
            built.tables["loans"].application_id,
            strict=True,
        )
    )
    table["application_id"] = table["loan_id"].map(ids)
    for row in asked.itertuples():
        today = pd.Timestamp(row.applied_at.date())
        own = table[
            (table["borrower_id"] == row.borrower_id)
            & (table["application_id"] != row.application_id)
            & (pd.to_datetime(table["disbursed_on"]) < today)
            & ~(table["closed_on"] < today - YEAR)
            & ((table["due_on"] >= today - YEAR) | ~(table["settled_on"] < today - YEAR))
        ]
        settled = own[own["settled_on"] < today]
        late = (settled["settled_on"] - settled["due_on"]).dt.days
        np.testing.assert_allclose(
            row.mean_days_late_before, late.mean() if len(late) else np.nan
        )
        np.testing.assert_allclose(
            row.spread_days_late_before, late.std(ddof=0) if len(late) else np.nan
        )


def test_a_loan_is_bad_when_late_or_written_off_within_six_months(
    built: Built, asked: pd.DataFrame
) -> None:
    table = instalments(built).merge(
        built.tables["loans"][["loan_id", "application_id"]], on="loan_id"
    )
    day = table["due_on"] + pd.Timedelta(days=EVENT_DAYS)
    reached = ~(table["settled_on"] < day) & ~(day > table["closed_on"])
    first = day.where(reached).groupby(table["application_id"]).min()
    known_until = pd.Timestamp("2024-06-30")
    losses = built.read(
        """
        select ids.application_id, least(lives.charge_off_on, lives.fraud_on) as lost_on
        from intermediate.int_loan_life as lives
        inner join intermediate.int_loan as loans using (loan_no)
        inner join raw.base_contract__loans as ids using (loan_key)
        where ids._status = 'accepted' and ids.application_id is not null
        """
    ).set_index("application_id")["lost_on"]
    loans = built.tables["loans"].dropna(subset="application_id")
    found = asked.set_index("application_id")["is_bad"]
    for loan in loans.itertuples():
        until = pd.Timestamp(loan.disbursed_on) + pd.DateOffset(months=6)
        days = [first.get(loan.application_id, pd.NaT), losses[loan.application_id]]
        is_bad = any(pd.Timestamp(x) <= until for x in days if not pd.isna(x))
        expected = is_bad if until <= known_until else None
        actual = found[loan.application_id]
        assert (None if pd.isna(actual) else bool(actual)) == expected
    assert dt.date(2024, 6, 30) == known_until.date()


def test_the_forecast_covers_who_is_at_risk_once_the_month_is_built(
    built: Built, rows: pd.DataFrame
) -> None:
    # The singular test features_cover_borrowers_at_risk compares all built months.
    forecast = rows[rows["is_event"].isna()]
    assert set(forecast["month"]) == {pd.Timestamp("2024-07-01")}
    assert forecast["days_past_due"].max() < EVENT_DAYS
    outcome = run_dbt(
        built.settings,
        ["test", "--select", "features_cover_borrowers_at_risk"],
        log_level="none",
    )
    assert outcome.success
