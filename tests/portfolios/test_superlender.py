"""superlender: figures of the published README, and every trap met by a rule."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

PORTFOLIO = "superlender"
LAST_DAY = pd.Timestamp(2017, 7, 31)
ONE_DAY = pd.Timedelta(days=1)
EVENT_DAYS = pd.Timedelta(days=30)  # event_dpd_days of the settings

Query = Callable[[str], list[tuple[Any, ...]]]
Files = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def closed(published: Files) -> pd.DataFrame:
    """The closed loans, read without the warehouse."""
    loans = published["previous_loans"].copy()
    for column in ("approveddate", "closeddate", "firstduedate", "firstrepaiddate"):
        loans[column] = pd.to_datetime(loans[column])
    loans["termdays"] = loans["termdays"].astype(int)
    loans["instalments"] = (loans["termdays"] // 30).clip(lower=1)
    return loans


@pytest.fixture(scope="module")
def repaid_on(closed: pd.DataFrame) -> pd.Series:
    """Day the first instalment was settled."""
    in_parts = (closed["instalments"] == 1) & (
        closed["closeddate"] - closed["firstrepaiddate"] >= ONE_DAY
    )
    settled = closed["firstrepaiddate"].mask(in_parts, closed["closeddate"])
    return settled.dt.normalize()


@pytest.mark.parametrize(
    ("entity", "accepted", "superseded"),
    [
        # README: 4,346 rows with 12 exact duplicates, 18,183 and 4,368 rows.
        ("demographics", 4_334, 12),
        ("previous_loans", 18_183, 0),
        ("current_loans", 4_368, 0),
    ],
)
def test_every_delivered_row_is_accounted_for(
    query: Query, published: Files, entity: str, accepted: int, superseded: int
) -> None:
    found = query(
        "select rows_landed, rows_accepted, rows_quarantined, rows_superseded"
        f" from audit.reconciliation where entity = '{entity}'"
    )
    assert found == [(len(published[entity]), accepted, 0, superseded)]


@pytest.mark.parametrize("entity", ["previous_loans", "current_loans"])
def test_amounts_reconcile_with_the_file(
    query: Query, published: Files, entity: str
) -> None:
    found = query(
        "select amount_landed, amount_accepted, amount_quarantined, amount_superseded"
        f" from audit.reconciliation where entity = '{entity}'"
    )
    total = published[entity]["loanamount"].map(Decimal).sum()
    assert found == [(total, total, 0, 0)]


def test_superseded_rows_are_the_exact_duplicates(query: Query, published: Files) -> None:
    found = query(
        "select customerid from raw.base_superlender__demographics"
        " where _status = 'superseded'"
    )
    rows = published["demographics"]
    assert Counter(row[0] for row in found) == Counter(
        rows["customerid"][rows.duplicated()]
    )


def test_customers_without_demographics_are_borrowers_too(
    query: Query, published: Files
) -> None:
    known = set(published["demographics"]["customerid"])
    borrowing = {
        customer
        for name in ("previous_loans", "current_loans")
        for customer in published[name]["customerid"]
    }
    [(borrowers, unknown)] = query(
        "select count(*), count(*) filter (region = 'unknown') from marts.dim_borrower"
    )
    assert borrowers == len(known | borrowing)
    assert unknown == len(borrowing - known)


def test_every_delivered_loan_is_a_loan_of_the_mart(
    query: Query, published: Files
) -> None:
    [(loans,)] = query("select count(*) from marts.fct_loan")
    assert loans == len(published["previous_loans"]) + len(published["current_loans"])


def test_positions_outside_nigeria_are_a_region_of_their_own(
    query: Query, published: Files
) -> None:
    rows = published["demographics"].drop_duplicates()
    inside = rows["longitude_gps"].astype(float).between(2.6, 14.7) & rows[
        "latitude_gps"
    ].astype(float).between(4.2, 13.9)
    found = query(
        "select count(*) from marts.dim_borrower where region = 'outside Nigeria'"
    )
    assert found == [((~inside).sum(),)]


def test_region_is_the_degree_the_customer_is_in(query: Query, published: Files) -> None:
    """Lagos lies at 6.5 N, 3.4 E."""
    rows = published["demographics"].drop_duplicates()
    lagos = rows["latitude_gps"].str.match(r"6\.\d") & rows["longitude_gps"].str.match(
        r"3\.\d"
    )
    found = query("select count(*) from marts.dim_borrower where region = 'N06 E003'")
    assert found == [(lagos.sum(),)]


def test_only_the_year_of_birth_is_kept(query: Query, published: Files) -> None:
    found = query("select birth_year, count(*) from marts.dim_borrower group by 1")
    years = published["demographics"].drop_duplicates()["birthdate"].str[:4].astype(int)
    assert {year: n for year, n in found if year} == Counter(years)


def test_the_hour_between_request_and_approval_is_a_time_zone(
    query: Query, published: Files
) -> None:
    """Without it decisions take seconds: median 8 s on closed loans."""
    seconds = pd.concat(
        pd.to_datetime(published[name]["approveddate"])
        - pd.to_datetime(published[name]["creationdate"])
        for name in ("previous_loans", "current_loans")
    ).dt.total_seconds()
    found = query(
        "select cast(epoch(decided_at - applied_at) as integer), count(*)"
        " from marts.fct_application group by 1"
    )
    assert dict(found) == Counter((seconds - 3600).astype(int))
    assert min(wait for wait, _ in found) >= 0


def test_channel_is_the_referral_by_somebody_else(query: Query, published: Files) -> None:
    referred = sum(
        ((rows["referredby"] != "") & (rows["referredby"] != rows["customerid"])).sum()
        for rows in (published["previous_loans"], published["current_loans"])
    )
    found = query("select count(*) from marts.fct_application where channel = 'referred'")
    assert found == [(referred,)]


def test_first_instalment_is_a_share_of_the_total(
    query: Query, closed: pd.DataFrame
) -> None:
    due = [
        round(Decimal(total) / count, 2)
        for total, count in zip(closed["totaldue"], closed["instalments"], strict=True)
    ]
    found = query("select due_amount, count(*) from marts.fct_repayment group by 1")
    assert dict(found) == Counter(due)


def test_lateness_is_counted_to_the_day_the_instalment_was_settled(
    query: Query, closed: pd.DataFrame, repaid_on: pd.Series
) -> None:
    late = (repaid_on - closed["firstduedate"]).dt.days
    found = query(
        "select days_late, count(*) from marts.fct_repayment"
        " where days_late > 0 group by days_late"
    )
    assert dict(found) == Counter(late[late > 0])


def test_events_of_the_mart_are_first_instalments_30_days_late(
    query: Query, closed: pd.DataFrame, repaid_on: pd.Series
) -> None:
    event_on = closed["firstduedate"] + EVENT_DAYS
    is_event = (repaid_on >= event_on) & (event_on <= LAST_DAY)
    found = query(
        "select month, count(*) from marts.fct_loan_month where is_event group by month"
    )
    assert dict(found) == Counter(
        event_on[is_event].dt.to_period("M").dt.start_time.dt.date
    )


def test_current_loans_carry_their_flag_and_are_never_at_risk(
    query: Query, published: Files
) -> None:
    """Good 3,416, Bad 952: README."""
    outcomes = query(
        "select reported_outcome, count(*) from staging.stg_superlender__loans"
        " where reported_outcome is not null group by 1"
    )
    at_risk = query(
        "select count(*) from marts.fct_loan_month"
        " semi join staging.stg_superlender__loans as loans"
        " on fct_loan_month.loan_key = loans.loan_key"
        " and loans.reported_outcome is not null"
        " where is_at_risk"
    )
    assert dict(outcomes) == {"good": 3_416, "bad": 952}
    assert dict(outcomes) == Counter(
        published["current_loans"]["good_bad_flag"].str.lower()
    )
    assert at_risk == [(0,)]


def test_closed_loans_are_paid_in_full_when_closed(
    query: Query, closed: pd.DataFrame
) -> None:
    found = query(
        "select occurred_on, count(*) from staging.stg_superlender__loan_events"
        " group by occurred_on"
    )
    assert dict(found) == Counter(closed["closeddate"].dt.date)


def test_annual_rate_is_the_charge_over_the_term(
    query: Query, closed: pd.DataFrame
) -> None:
    charge = closed["totaldue"].astype(float) / closed["loanamount"].astype(float) - 1
    found = query(
        "select avg(annual_rate) from staging.stg_superlender__loans"
        " where reported_outcome is null"
    )
    assert found[0][0] == pytest.approx((charge * 365 / closed["termdays"]).mean())


def test_absent_entities_are_said_to_be_absent(query: Query) -> None:
    found = query("select entity from audit.availability where not is_available")
    assert {entity for (entity,) in found} == {
        "collections",
        "transactions",
        "credit_limits",
        "business_adjustments",
    }
