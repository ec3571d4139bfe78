"""What a build makes of the rows that landed, and what it says when it cannot."""

import hmac
import json
import re

import pytest
from tests.warehouse.conftest import Lender

from comove.connection import connect
from comove.contract import load_source
from comove.errors import WarehouseError
from comove.warehouse import document


def judged(lender: Lender, table: str) -> list[tuple[int, str, str | None]]:
    return lender.rows(
        f"""
        select _row, _status, _rule from raw.base_contract__{table}
        order by _file, _row
        """
    )


def test_every_row_of_borrowers_is_judged(lender: Lender) -> None:
    assert judged(lender, "borrowers") == [
        (1, "superseded", None),
        (2, "accepted", None),
        (3, "quarantined", "unknown_value_kind"),
        (4, "quarantined", "missing_borrower_id"),
        (5, "quarantined", "negative_monthly_income"),
        (6, "quarantined", "unreadable_born_or_founded_on"),
        (7, "quarantined", "future_registered_at"),
        (8, "quarantined", "unreadable_monthly_income"),
        (9, "accepted", None),
    ]


def test_every_row_of_applications_is_judged(lender: Lender) -> None:
    assert judged(lender, "applications") == [
        (1, "accepted", None),
        (2, "quarantined", "decided_before_applied"),
        (3, "quarantined", "unknown_borrower"),
        (4, "quarantined", "disbursed_though_rejected"),
        (5, "quarantined", "negative_requested_amount"),
    ]


def test_every_row_of_loans_is_judged(lender: Lender) -> None:
    assert judged(lender, "loans") == [
        (1, "accepted", None),
        (2, "quarantined", "unknown_borrower"),
        (3, "quarantined", "above_maximum_annual_rate"),
        (4, "quarantined", "unreadable_term_months"),
    ]


def test_every_row_of_repayments_is_judged(lender: Lender) -> None:
    assert judged(lender, "repayments") == [
        (1, "accepted", None),
        (2, "accepted", None),
        (3, "quarantined", "payment_without_date"),
        (4, "quarantined", "unknown_loan"),
        (5, "quarantined", "below_minimum_instalment_no"),
    ]


def test_staging_is_tidied_and_without_names(lender: Lender) -> None:
    assert lender.rows(
        """
        select kind, region, industry, monthly_income, birth_year
        from staging.stg_contract__borrowers order by monthly_income
        """
    ) == [
        ("person", "West", "retail", 16, 1980),
        ("company", "South East", "unknown", 2000, 1999),
    ]


def test_staging_gives_the_columns_every_portfolio_gives(lender: Lender) -> None:
    for table in load_source("contract"):
        expected = {
            "birth_year" if name == "born_or_founded_on" else re.sub("_id$", "_key", name)
            for name in table.column_names
        } - {"name", "address"}
        if table.name == "loans":
            expected |= {"reported_outcome", "observed_until"}
        found = lender.rows(
            "select column_name from information_schema.columns where table_name = ?",
            f"stg_contract__{table.name}",
        )
        assert {name for (name,) in found} == expected | {"_batch", "_landed_at"}


def test_ids_become_keyed_hashes(lender: Lender) -> None:
    key = lender.settings.places.secret("id_key").encode()
    expected = hmac.new(key, b"L1", "sha256").hexdigest()[:32]
    assert lender.rows("select loan_key from staging.stg_contract__loans") == [
        (expected,)
    ]


def test_the_key_stands_in_no_file_dbt_writes(lender: Lender) -> None:
    key = lender.settings.places.secret("id_key").encode()
    written = [
        file for file in lender.settings.places.scratch.rglob("*") if file.is_file()
    ]
    assert any(file.name == "dbt.log" for file in written)
    assert [file for file in written if key in file.read_bytes()] == []


def test_a_quarantined_row_is_kept_whole(lender: Lender) -> None:
    [(file, row, reason, raw)] = lender.rows(
        """
        select file, row_number, reason, raw from audit.quarantine
        where rule = 'unreadable_monthly_income'
        """
    )
    assert (file, row) == ("borrowers/first.csv", 8)
    assert reason == (
        "monthly_income is not a number. Deliver digits with a decimal point."
    )
    assert json.loads(raw)["name"] == "Hal"
    assert json.loads(raw)["monthly_income"] == "a lot"


def test_rows_and_amounts_are_all_accounted_for(lender: Lender) -> None:
    # Incomes that are numbers: 1200.50 + 2000 + 1 + 2 - 5 + 4 + 8 + 16.
    assert lender.rows(
        """
        select entity, rows_landed, rows_accepted, rows_quarantined, rows_superseded,
            amount_landed, amount_accepted, amount_superseded
        from audit.reconciliation order by entity
        """
    ) == [
        ("applications", 5, 1, 4, 0, 1799, 300, 0),
        ("borrowers", 9, 2, 6, 1, 3226.5, 2016, 1200.5),
        ("loans", 4, 1, 3, 0, 1200, 300, 0),
        ("repayments", 5, 2, 3, 0, 350, 100, 0),
    ]


def test_what_was_never_delivered_is_said_to_be_absent(lender: Lender) -> None:
    absent = lender.rows(
        "select entity, reason from audit.availability where not is_available order by 1"
    )
    assert [entity for entity, _ in absent] == [
        "business_adjustments",
        "collections",
        "credit_limits",
        "loan_events",
        "transactions",
    ]
    assert absent[0][1] == (
        "not available for this portfolio: no rows have been delivered"
    )


def test_the_report_counts_what_was_built(lender: Lender) -> None:
    assert lender.report.months == "the first to 2024-03"
    assert lender.report.tables == len(lender.report.seconds) - lender.report.seeds
    assert lender.report.tests_passed > 0
    assert "fct_loan_month" in lender.report.seconds


def test_progress_names_each_table(lender: Lender) -> None:
    assert any(
        re.fullmatch(r"\d+/\d+ base_contract__loans built in [\d.]+ s", told)
        for told in lender.told
    )


def test_batches_are_noted_as_built(lender: Lender) -> None:
    assert lender.rows("select count(*), any_value(run_id) from audit.built_batch") == [
        (4, "first")
    ]


def test_a_first_build_begins_with_the_first_loan(lender: Lender) -> None:
    [(first, last)] = lender.rows(
        "select rebuild_from, horizon from intermediate.int_rebuild_window"
    )
    assert (f"{first:%Y-%m}", f"{last:%Y-%m}") == ("2024-01", "2024-03")


def test_an_orphan_is_accepted_once_its_parent_is_there(corrected_lender: Lender) -> None:
    assert judged(corrected_lender, "loans")[1] == (2, "accepted", None)
    assert judged(corrected_lender, "repayments")[3] == (4, "accepted", None)


def test_a_correction_supersedes_what_was_delivered_before(
    corrected_lender: Lender,
) -> None:
    assert corrected_lender.rows(
        """
        select _file, _status from raw.base_contract__repayments
        where loan_id = 'L1' and instalment_no = 1 order by _landed_at
        """
    ) == [("repayments/first.csv", "superseded"), ("repayments/second.csv", "accepted")]


def test_months_that_new_rows_touch_are_built_again(corrected_lender: Lender) -> None:
    # Loan 2, let in by its borrower, was disbursed in November.
    [(first,)] = corrected_lender.rows(
        "select rebuild_from from intermediate.int_rebuild_window"
    )
    assert f"{first:%Y-%m}" == "2023-11"


@pytest.fixture(scope="module")
def failed_build(corrected_lender: Lender) -> WarehouseError:
    """What a build says after a delivery is repeated and one row has gone missing."""
    folder = corrected_lender.settings.data_folder / "repayments"
    corrected_lender.deliver(
        {"repayments/third.csv": (folder / "second.csv").read_text()}
    )
    with connect(corrected_lender.settings) as connection:
        connection.execute(
            """
            update audit.delivery set rows_landed = rows_landed + 1
            where entity = 'loans'
            """
        )
    with pytest.raises(WarehouseError) as caught:
        corrected_lender.build(run_id="broken")
    return caught.value


def test_a_failing_test_is_named_with_its_remedy(failed_build: WarehouseError) -> None:
    assert "the test reconciliation_rows_balance found 1 rows" in failed_build.found
    assert failed_build.where == "models/audit/reconciliation.yml"
    assert "dbt.log" in failed_build.remedy


@pytest.mark.usefixtures("failed_build")
def test_a_failed_build_is_not_noted_as_built(corrected_lender: Lender) -> None:
    assert corrected_lender.rows("select is_built from audit.build_request") == [(False,)]
    assert (
        corrected_lender.rows(
            """
        select distinct run_id from audit.built_batch where run_id = 'broken'
        """
        )
        == []
    )


@pytest.mark.usefixtures("failed_build")
def test_a_repeated_delivery_touches_no_month(corrected_lender: Lender) -> None:
    assert corrected_lender.rows(
        "select rebuild_from from intermediate.int_rebuild_window"
    ) == corrected_lender.rows("select horizon from audit.build_request")


def test_the_documentation_is_one_page_that_loads_nothing(lender: Lender) -> None:
    page = document(lender.settings, run_id="first")
    text = page.read_text()
    assert page == lender.settings.places.docs / "index.html"
    assert "model.comove.fct_loan_month" in text
    assert re.findall(r'(?:src|<link[^>]*href)="https?://', text) == []
    # What is filled in later must not be asked for before.
    assert re.findall(r'<(?:link|use)[^>]* (?:xlink:)?href="[^"#]*[{]', text) == []
    assert lender.settings.places.secret("id_key") not in text
