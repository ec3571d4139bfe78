"""xente: figures of the published README, and every trap met by a rule."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

PORTFOLIO = "xente"
LAST_DAY = pd.Timestamp(2019, 6, 30)
TERM = pd.Timedelta(days=30)
EVENT_DAYS = pd.Timedelta(days=30)  # event_dpd_days of the settings

Query = Callable[[str], list[tuple[Any, ...]]]
Files = dict[str, pd.DataFrame]

FIRST = "applications_2018_10_to_2019_03"
LATER = "applications_2019_04_to_2019_07"


@pytest.fixture(scope="module")
def paybacks(published: Files) -> pd.DataFrame:
    """One row per payback, read without the warehouse."""
    rows = published[FIRST]
    paid = rows[rows["TransactionStatus"] == "1"]
    paid = paid.drop_duplicates(["LoanId", "PayBackId"]).copy()
    for column in ("IssuedDateLoan", "PaidOnDate", "DueDate"):
        paid[column] = pd.to_datetime(paid[column].replace("NA", None))
    paid["DueDate"] = paid["DueDate"].fillna(paid["IssuedDateLoan"] + TERM)
    for column in ("Value", "AmountLoan"):
        paid[column] = paid[column].map(Decimal)
    return paid


@pytest.mark.parametrize(
    ("entity", "landed", "superseded"),
    # README: 2,100 + 905 and 16,327 rows. Three paybacks stand under two purchases.
    [("applications", 2_100 + 905, 3), ("payment_transactions", 16_327, 0)],
)
def test_every_delivered_row_is_accounted_for(
    query: Query, entity: str, landed: int, superseded: int
) -> None:
    found = query(
        "select rows_landed, rows_accepted, rows_quarantined, rows_superseded"
        f" from audit.reconciliation where entity = '{entity}'"
    )
    assert found == [(landed, landed - superseded, 0, superseded)]


def test_amounts_in_scientific_notation_reconcile(query: Query, published: Files) -> None:
    values = pd.concat([published[FIRST]["Value"], published[LATER]["Value"]])
    amounts = published["payment_transactions"]["Amount"]
    found = query(
        "select entity, amount_landed, amount_accepted + amount_quarantined"
        " + amount_superseded from audit.reconciliation"
    )
    expected = {
        "applications": values.map(Decimal).sum(),
        "payment_transactions": amounts.map(Decimal).sum(),
    }
    assert "1e+05" in set(values)
    assert {entity: amount for entity, amount, _ in found} == expected
    assert {entity: amount for entity, _, amount in found} == expected


def test_superseded_rows_repeat_a_payback(query: Query, published: Files) -> None:
    found = query(
        "select LoanId, PayBackId from raw.base_xente__applications"
        " where _status = 'superseded'"
    )
    rows = published[FIRST]
    accepted = rows[rows["TransactionStatus"] == "1"]
    repeated = accepted[accepted.duplicated(["LoanId", "PayBackId"])]
    assert Counter(found) == Counter(
        zip(repeated["LoanId"], repeated["PayBackId"], strict=True)
    )


def test_a_request_is_a_loan_or_a_rejected_purchase(
    query: Query, published: Files
) -> None:
    rows = pd.concat([published[FIRST], published[LATER]])
    rejected = rows["TransactionStatus"] == "0"
    expected = {
        "approved": rows["LoanId"][~rejected].nunique(),
        "rejected": rows[rejected]
        .groupby(["TransactionId", "TransactionStartTime"])
        .ngroups,
    }
    found = query("select decision, count(*) from marts.fct_application group by 1")
    assert dict(found) == expected
    assert expected["approved"] == 1_159 + 478  # 1,159 loans: README


def test_acceptance_falls_from_71_to_53_per_cent_of_rows(query: Query) -> None:
    """README."""
    found = query(
        "select _file, round(avg(cast(TransactionStatus as integer)), 2)"
        " from raw.base_xente__applications group by 1"
    )
    assert dict(found) == {f"{FIRST}.csv.gz": 0.71, f"{LATER}.csv.gz": 0.53}


def test_customers_are_borrowers(query: Query, published: Files) -> None:
    """421 of them in the first file: README."""
    customers = {
        name: set(rows.get("CustomerId", [])) for name, rows in published.items()
    }
    found = query("select count(*) from marts.dim_borrower")
    assert found == [(len(set.union(*customers.values())),)]
    assert len(customers[FIRST]) == 421


def test_every_payback_is_a_payment_of_its_loan(
    query: Query, paybacks: pd.DataFrame
) -> None:
    """1,485 paybacks: README."""
    found = query(
        "select count(*), count(distinct loan_key), sum(paid_amount)"
        " from staging.stg_xente__repayments"
    )
    assert found == [(1_485, 1_159, paybacks["AmountLoan"].sum())]
    assert len(paybacks) == 1_485


def test_amount_loan_is_what_was_paid_back(paybacks: pd.DataFrame) -> None:
    """Why it is read as the payback's amount, though described as the loan's value.

    It differs between the paybacks of one loan, and they add up to the principal and
    more in all but 5 of the 1,084 loans that had their final payback.
    """
    final = paybacks["LoanId"][paybacks["IsFinalPayBack"] == "1"].unique()
    loans = paybacks[paybacks["LoanId"].isin(final)].groupby("LoanId")
    paid, principal = loans["AmountLoan"].sum(), loans["Value"].first()
    assert (len(final), (paid < principal).sum()) == (1_084, 5)
    several = paybacks.groupby("LoanId")["AmountLoan"].agg(["size", "nunique"])
    several = several[several["size"] > 1]
    assert (len(several), (several["nunique"] > 1).sum()) == (147, 137)


def test_a_missing_due_date_is_30_days_after_the_issue(
    query: Query, published: Files, paybacks: pd.DataFrame
) -> None:
    """Which all 1,483 other paybacks have, to a few seconds."""
    rows = published[FIRST]
    missing = (rows["TransactionStatus"] == "1") & (rows["DueDate"] == "NA")
    terms = (paybacks["DueDate"] - paybacks["IssuedDateLoan"]) - TERM
    found = query(
        "select due_on, count(*) from staging.stg_xente__repayments group by due_on"
    )
    assert missing.sum() == 2
    assert terms.abs().max() < pd.Timedelta(minutes=3)
    assert dict(found) == Counter(paybacks["DueDate"].dt.date)


def test_events_of_the_mart_are_principals_unpaid_for_30_days(
    query: Query, paybacks: pd.DataFrame
) -> None:
    """A loan that had its final payback counts as paid, even where less is recorded."""
    events: Counter[Any] = Counter()
    for _, loan in paybacks.sort_values("PaidOnDate").groupby("LoanId"):
        paid_on = loan["PaidOnDate"].dt.normalize()
        covered = loan["AmountLoan"].cumsum() >= loan["Value"].iloc[0]
        settled = [
            *paid_on[covered].head(1),
            *paid_on[loan["IsFinalPayBack"] == "1"].tail(1),
        ]
        event_on = loan["DueDate"].iloc[0].normalize() + EVENT_DAYS
        if event_on <= LAST_DAY and (not settled or min(settled) >= event_on):
            events[event_on.to_period("M").start_time.date()] += 1
    found = query(
        "select month, count(*) from marts.fct_loan_month where is_event group by month"
    )
    assert dict(found) == events


def test_is_defaulted_is_the_reported_outcome(
    query: Query, paybacks: pd.DataFrame
) -> None:
    flags = paybacks.groupby("LoanId")["IsDefaulted"].first()
    found = query(
        "select reported_outcome, count(*) from staging.stg_xente__loans"
        " where reported_outcome is not null group by 1"
    )
    assert dict(found) == Counter(flags.map({"1": "bad", "0": "good"}))


def test_retail_rows_default_at_64_6_per_cent(query: Query) -> None:
    """README."""
    found = query(
        "select round(avg(cast(IsDefaulted as integer)), 3)"
        " from raw.base_xente__applications"
        " where ProductCategory = 'retail' and TransactionStatus = '1'"
    )
    assert found == [(0.646,)]


def test_loans_without_outcome_are_never_at_risk(query: Query) -> None:
    """The later file has no outcomes: its 478 loans say neither good nor bad."""
    unknown = query(
        "select count(*) from staging.stg_xente__loans where reported_outcome is null"
    )
    at_risk = query(
        "select count(*) from marts.fct_loan_month"
        " semi join staging.stg_xente__loans as loans"
        " on fct_loan_month.loan_key = loans.loan_key and loans.reported_outcome is null"
        " where is_at_risk"
    )
    assert (unknown, at_risk) == ([(478,)], [(0,)])


def test_loans_end_with_their_final_payback(query: Query, paybacks: pd.DataFrame) -> None:
    final = paybacks[paybacks["IsFinalPayBack"] == "1"]
    found = query(
        "select occurred_on, count(*) from staging.stg_xente__loan_events group by 1"
    )
    assert dict(found) == Counter(final.groupby("LoanId")["PaidOnDate"].max().dt.date)


def test_transactions_are_dated_day_first_and_go_out(
    query: Query, published: Files
) -> None:
    rows = published["payment_transactions"]
    days = pd.to_datetime(rows["TransactionStartTime"], format="%d/%m/%y %H:%M:%S")
    found = query(
        "select cast(occurred_at as date), count(*), sum(amount)"
        " from staging.stg_xente__transactions group by 1"
    )
    assert {day: count for day, count, _ in found} == Counter(days.dt.date)
    assert sum(amount for *_, amount in found) == -rows["Amount"].map(Decimal).sum()


def test_industry_and_channel_are_those_of_the_request(
    query: Query, published: Files
) -> None:
    rows = pd.concat([published[FIRST], published[LATER]])
    requests = rows.assign(
        request=rows["LoanId"].mask(
            rows["LoanId"] == "NA",
            rows["TransactionId"] + " " + rows["TransactionStartTime"],
        )
    ).drop_duplicates("request")
    found = query(
        "select industry, channel, count(*) from marts.fct_application group by all"
    )
    assert {(industry, channel): count for industry, channel, count in found} == Counter(
        zip(requests["ProductCategory"], requests["SubscriptionId"], strict=True)
    )


def test_region_is_uganda_for_all(query: Query) -> None:
    assert query("select distinct region from marts.dim_borrower") == [("Uganda",)]


def test_absent_entities_are_said_to_be_absent(query: Query) -> None:
    found = query("select entity from audit.availability where not is_available")
    assert {entity for (entity,) in found} == {
        "collections",
        "credit_limits",
        "business_adjustments",
    }
