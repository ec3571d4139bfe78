"""sba_7a: figures of the published README, and every trap met by a rule with a name."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

PORTFOLIO = "sba_7a"
LAST_DAY = pd.Timestamp(2014, 7, 31)

Query = Callable[[str], list[tuple[Any, ...]]]


def _two_digit_year_date(text: str, fiscal_year: int) -> pd.Timestamp | None:
    """Day of ``d-Mon-yy``: of the first century that does not put it before approval."""
    if not text:
        return None
    day, month, year = text.split("-")
    century = 1900 if 1900 + int(year) >= fiscal_year - 1 else 2000
    return pd.Timestamp(
        dt.datetime.strptime(f"{day}-{month}-{century + int(year)}", "%d-%b-%Y")
    )


@pytest.fixture(scope="module")
def loans(published: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The published rows, read and judged without the warehouse."""
    rows = published["loans"]
    read = pd.DataFrame(
        {
            "status": rows["MIS_Status"],
            "disbursed_on": pd.to_datetime(rows["DisbursementDate"], format="%m/%d/%Y"),
            "charged_off_on": pd.to_datetime(
                [
                    _two_digit_year_date(text, int(year))
                    for text, year in zip(
                        rows["ChgOffDate"], rows["ApprovalFY"], strict=True
                    )
                ]
            ),
            "disbursed": rows["DisbursementGross"].map(Decimal),
            "term": rows["Term"].astype(int),
            "fiscal_year": rows["ApprovalFY"].astype(int),
            "naics": rows["NAICS"],
            "state": rows["State"],
        }
    )
    charged_off, paid = read["status"] == "CHGOFF", read["status"] == "P I F"
    read["rule"] = ""
    read.loc[read["disbursed_on"].isna() | (read["disbursed"] == 0), "rule"] = (
        "settled_without_disbursement"
    )
    read.loc[charged_off & read["charged_off_on"].isna(), "rule"] = (
        "charged_off_without_date"
    )
    read.loc[paid & read["charged_off_on"].notna(), "rule"] = (
        "paid_in_full_with_charge_off_date"
    )
    read.loc[read["status"] == "", "rule"] = "missing_status"
    return read


@pytest.fixture(scope="module")
def accepted(loans: pd.DataFrame) -> pd.DataFrame:
    """The published rows that break no rule."""
    return loans[loans["rule"] == ""]


def test_every_delivered_row_is_accounted_for(query: Query) -> None:
    """22,427 rows: README of the published data."""
    [(landed, accepted, quarantined, superseded)] = query(
        "select rows_landed, rows_accepted, rows_quarantined, rows_superseded"
        " from audit.reconciliation"
    )
    assert landed == accepted + quarantined + superseded == 22_427


def test_amounts_reconcile_with_the_file(query: Query, loans: pd.DataFrame) -> None:
    [amounts] = query(
        "select amount_landed, amount_accepted, amount_quarantined, amount_superseded"
        " from audit.reconciliation"
    )
    bad = loans["rule"] != ""
    expected = loans["disbursed"].sum(), loans["disbursed"][bad].sum()
    assert amounts == (expected[0], expected[0] - expected[1], expected[1], 0)


def test_contradictions_are_quarantined_by_name(
    query: Query, loans: pd.DataFrame
) -> None:
    found = dict(query("select rule, count(*) from audit.quarantine group by rule"))
    assert found == Counter(loans["rule"][loans["rule"] != ""])
    assert found["missing_status"] == 119  # README
    assert found["paid_in_full_with_charge_off_date"] == 207  # README


def test_quarantined_rows_are_the_very_rows_of_the_file(
    query: Query, loans: pd.DataFrame
) -> None:
    found = query("select row_number, rule from audit.quarantine")
    bad = loans[loans["rule"] != ""]
    assert set(found) == set(zip(bad.index + 1, bad["rule"], strict=True))


def test_quarantine_keeps_the_row_and_says_what_to_do(query: Query) -> None:
    rows = query("select file, reason, raw from audit.quarantine")
    assert {file for file, _, _ in rows} == {"loans.csv.gz"}
    assert all(reason.endswith(".") and "MIS_Status" in raw for _, reason, raw in rows)


def test_two_digit_years_fall_after_the_approval(
    query: Query, loans: pd.DataFrame
) -> None:
    found = query(
        "select year(ChgOffDate), count(*) from raw.base_sba_7a__loans"
        " where ChgOffDate is not null group by all"
    )
    assert dict(found) == Counter(loans["charged_off_on"].dropna().dt.year)
    assert min(year for year, _ in found) == 1988


def test_charge_offs_by_month_are_the_events_of_the_mart(
    query: Query, accepted: pd.DataFrame
) -> None:
    charged_off = accepted[
        (accepted["charged_off_on"] <= LAST_DAY)
        & (
            accepted["charged_off_on"].dt.to_period("M")
            > accepted["disbursed_on"].dt.to_period("M")
        )
    ]
    found = query(
        "select month, count(*) from marts.fct_loan_month where is_event group by month"
    )
    assert dict(found) == Counter(
        charged_off["charged_off_on"].dt.to_period("M").dt.start_time.dt.date
    )


def test_charged_off_loans_live_until_their_charge_off(
    query: Query, accepted: pd.DataFrame
) -> None:
    """Not until their Term, which is what the charge-off made of it."""
    [(loan_months,)] = query(
        "select count(*) from marts.fct_loan_month semi join marts.fct_loan"
        " on fct_loan_month.loan_key = fct_loan.loan_key"
        " and fct_loan.exit_reason = 'charge_off'"
    )
    ended = accepted[accepted["charged_off_on"] <= LAST_DAY]
    months = [
        ended[column].dt.year * 12 + ended[column].dt.month
        for column in ("charged_off_on", "disbursed_on")
    ]
    assert loan_months == (months[0] - months[1] + 1).sum()


@pytest.mark.parametrize("table", ["staging.stg_sba_7a__loans", "marts.fct_loan"])
def test_no_term_leaves_staging(query: Query, table: str) -> None:
    assert query(f"select distinct term_months from {table}") == [(None,)]


def test_loans_paid_in_full_end_after_their_term(
    query: Query, accepted: pd.DataFrame
) -> None:
    """The assumption, on every loan whose assumed end the file can know of."""
    paid = accepted[(accepted["status"] == "P I F") & (accepted["term"] > 0)]
    ends = pd.Series(
        [
            day + pd.DateOffset(months=term)
            for day, term in zip(paid["disbursed_on"], paid["term"], strict=True)
        ]
    )
    known = ends[ends <= accepted["charged_off_on"].max()]
    found = query(
        "select occurred_on, count(*) from staging.stg_sba_7a__loan_events"
        " where kind = 'paid_in_full' group by occurred_on"
    )
    assert dict(found) == Counter(known.dt.date)


def test_every_accepted_row_is_a_borrower_an_application_and_a_loan(
    query: Query, accepted: pd.DataFrame
) -> None:
    found = query(
        "select (select count(*) from marts.dim_borrower where kind = 'company'),"
        " (select count(*) from marts.fct_application where is_approved),"
        " (select count(*) from marts.fct_loan)"
    )
    assert found == [(len(accepted),) * 3]


def test_region_is_the_state(query: Query, accepted: pd.DataFrame) -> None:
    found = query("select region, count(*) from marts.dim_borrower group by region")
    assert dict(found) == Counter(accepted["state"])


def test_industry_is_the_sector_and_unknown_where_naics_is_zero(
    query: Query, accepted: pd.DataFrame
) -> None:
    found = query(
        "select split_part(industry, ' ', 1), count(*) from marts.dim_borrower group by 1"
    )
    sectors = accepted["naics"].map(lambda code: "unknown" if code == "0" else code[:2])
    assert dict(found) == Counter(sectors)


def test_loans_of_2004_to_2006_all_have_an_industry(
    query: Query, loans: pd.DataFrame
) -> None:
    """15,059 loans, NAICS known on all: README."""
    young = loans["fiscal_year"].between(2004, 2006)
    [(loans_kept, unknown)] = query(
        "select count(*), count(*) filter (industry = 'unknown')"
        " from marts.fct_application"
        " where applied_at >= date '2003-10-01' and applied_at < date '2006-10-01'"
    )
    assert young.sum() == 15_059
    assert (loans_kept, unknown) == ((young & (loans["rule"] == "")).sum(), 0)


@pytest.mark.parametrize(
    ("column", "flag"), [("RevLineCr", "is_revolving"), ("LowDoc", "is_low_doc")]
)
def test_odd_codes_are_read_as_unknown(
    query: Query, published: dict[str, pd.DataFrame], column: str, flag: str
) -> None:
    found = query(f"select {flag}, count(*) from raw.base_sba_7a__loans group by 1")
    codes = published["loans"][column].map({"Y": True, "N": False})
    assert dict(found) == Counter(None if pd.isna(code) else code for code in codes)


def test_absent_entities_are_said_to_be_absent(query: Query) -> None:
    found = query("select entity from audit.availability where not is_available")
    assert {entity for (entity,) in found} == {
        "repayments",
        "collections",
        "transactions",
        "credit_limits",
        "business_adjustments",
    }
