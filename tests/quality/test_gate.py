import pytest

from comove.errors import GateFailedError
from comove.quality import run_gate
from comove.settings import Settings

STAGES = ("landed", "staging", "marts")

REFUSED = """
    insert into audit.delivery values
        ('loans/cut.csv.gz', 'loans', null, 'x', 1, now(), 'csv', null, null, 0, 0, 0,
         null, null, 'refused', 'truncated_gz', 'the file ends early', now(), 'run')
"""

# One way each to break a warehouse that is in order, and the check that must notice.
BREAKAGES = [
    ("landed", "critical", "No file was refused", REFUSED),
    (
        "landed",
        "critical",
        "Every readable row of every file is in the warehouse",
        "delete from raw.contract__borrowers where _row = 1",
    ),
    (
        "landed",
        "critical",
        "Every unreadable row was set aside",
        "update audit.delivery set rows_unreadable = 1, rows_landed = rows_landed + 1",
    ),
    (
        "landed",
        "critical",
        "No file is unreadable in large part",
        "update audit.delivery set rows_unreadable = 0.3 * rows_landed",
    ),
    (
        "landed",
        "critical",
        "Every landed column has the type of the contract",
        "alter table raw.contract__borrowers alter monthly_income type double",
    ),
    (
        "landed",
        "critical",
        "Every landed table has all columns of the contract",
        "alter table raw.contract__borrowers drop column house_value",
    ),
    (
        "landed",
        "warning",
        "Required columns are nearly always filled",
        "update raw.contract__borrowers set kind = null where _row % 5 = 0",
    ),
    (
        "landed",
        "warning",
        "No column loses its values from one delivery to the next",
        "update raw.contract__borrowers set house_value = null where _batch = 'batch1'",
    ),
    (
        "staging",
        "critical",
        "Every landed row is accepted, quarantined or superseded",
        "update audit.reconciliation set rows_accepted = 96",
    ),
    (
        "staging",
        "critical",
        "Every landed amount is accepted, quarantined or superseded",
        "update audit.reconciliation set amount_landed = 1000.01",
    ),
    (
        "staging",
        "warning",
        "Few rows of any entity are quarantined",
        "update audit.reconciliation set rows_accepted = 89, rows_quarantined = 10",
    ),
    (
        "staging",
        "critical",
        "No entity is quarantined in large part",
        "update audit.reconciliation set rows_accepted = 39, rows_quarantined = 60",
    ),
    (
        "staging",
        "critical",
        "No accepted row shares its key with another",
        "insert into raw.base_contract__loans from raw.base_contract__loans limit 1",
    ),
    (
        "staging",
        "warning",
        "The newest delivery is distributed like those before it",
        "update raw.base_contract__loans set principal = 9 where _batch = 'batch1'",
    ),
    (
        "staging",
        "critical",
        "No accepted amount or count is negative",
        "update raw.base_contract__loans set principal = -1 where loan_key = 'l00000007'",
    ),
    (
        "staging",
        "warning",
        "A typical rate is plausible",
        "update raw.base_contract__loans set annual_rate = annual_rate * 100",
    ),
    (
        "staging",
        "warning",
        "Payments reach the month of the run",
        "update raw.base_contract__repayments set paid_on = '2025-10-31'",
    ),
    (
        "marts",
        "critical",
        "There are loans",
        "delete from marts.fct_loan",
    ),
    (
        "marts",
        "critical",
        "No key stands twice",
        "insert into marts.dim_borrower from marts.dim_borrower limit 1",
    ),
    (
        "marts",
        "critical",
        "Every loan has its borrower",
        "delete from marts.dim_borrower where borrower_key = 'b00000003'",
    ),
    (
        "marts",
        "warning",
        "No table shrinks against what is published",
        "update audit.published_table set rows_published = rows_published + 1",
    ),
    (
        "marts",
        "critical",
        "Exposure by borrower adds up to exposure by loan in every month",
        "update marts.fct_borrower_month set exposure = exposure + 1",
    ),
    (
        "marts",
        "warning",
        "No month has an implausible share of events",
        "update marts.fct_borrower_month set is_event = true where month = '2025-03-01'",
    ),
    (
        "marts",
        "warning",
        "The loan book reaches the month of the run",
        "update audit.run set month = '2026-02-01'",
    ),
    (
        "marts",
        "warning",
        "The newest month is distributed like the year before it",
        "update marts.fct_loan_month set days_past_due = 90 where month = '2025-12-01'",
    ),
]


@pytest.mark.parametrize("stage", STAGES)
def test_a_warehouse_in_order_passes_every_check(warehouse, stage):
    report = run_gate(warehouse, run_id="run", stage=stage)
    assert report.warned == report.failed == ()


@pytest.mark.parametrize("stage", STAGES)
def test_every_check_has_something_to_judge_where_all_entities_exist(warehouse, stage):
    assert run_gate(warehouse, run_id="run", stage=stage).not_available == ()


@pytest.mark.parametrize(
    ("stage", "severity", "check", "damage"), BREAKAGES, ids=[b[2] for b in BREAKAGES]
)
def test_damage_is_noticed(warehouse, execute, results, stage, severity, check, damage):
    execute(damage)
    if severity == "critical":
        with pytest.raises(GateFailedError, match=check):
            run_gate(warehouse, run_id="run", stage=stage)
    else:
        assert check in run_gate(warehouse, run_id="run", stage=stage).warned
    found = results(stage)[check]
    assert (found["success"], found["severity"]) == (False, severity)


def test_a_failure_names_check_observed_expected_and_remedy(warehouse, execute):
    execute(REFUSED)
    with pytest.raises(GateFailedError) as caught:
        run_gate(warehouse, run_id="run", stage="landed")
    assert str(caught.value).startswith(
        "gate 'landed': 1 critical check(s) failed. 'No file was refused': observed "
        "loans/cut.csv.gz: the file ends early (1 of 2 rows); expected refusal of "
        "deliveries empty in every row. Read the reason in audit.delivery"
    )


def test_results_and_page_are_there_although_the_gate_failed(warehouse, execute, results):
    execute(REFUSED)
    with pytest.raises(GateFailedError):
        run_gate(warehouse, run_id="run", stage="landed")
    assert len(results("landed")) > 10
    assert (warehouse.places.reports / "quality" / "run.html").is_file()


def test_judging_again_replaces_what_the_same_run_found(warehouse, execute, results):
    run_gate(warehouse, run_id="run", stage="landed")
    before = results("landed")
    execute(REFUSED)
    with pytest.raises(GateFailedError):
        run_gate(warehouse, run_id="run", stage="landed")
    after = results("landed")
    assert after.keys() == before.keys()
    assert not after["No file was refused"]["success"]


def test_a_corrected_file_no_longer_counts_as_refused(warehouse, execute):
    execute(
        REFUSED,
        """
        insert into audit.delivery values
            ('loans/cut.csv.gz', 'loans', 'b', 'y', 1, now(), 'csv', null, null, 0, 0, 0,
             null, null, 'landed', null, null, now() + interval 1 day, 'run')
        """,
    )
    assert run_gate(warehouse, run_id="run", stage="landed").failed == ()


def test_absent_entities_are_named_and_do_not_fail(warehouse, execute, results):
    execute(
        "create or replace table audit.availability as select 'collections' as entity, "
        "false as is_available, 'not available for this portfolio: none kept' as reason"
    )
    check = "Collection contacts have an outcome"
    assert check in run_gate(warehouse, run_id="run", stage="staging").not_available
    found = results("staging")[check]
    assert found["observed"] == "not available for this portfolio: none kept"
    assert (found["success"], found["severity"]) == (True, "info")


def test_a_column_without_values_is_not_available(warehouse, execute, results):
    execute("update raw.base_contract__loans set annual_rate = null")
    run_gate(warehouse, run_id="run", stage="staging")
    assert results("staging")["A typical rate is plausible"]["observed"] == (
        "not available for this portfolio: column annual_rate is empty"
    )


def test_a_first_delivery_has_nothing_to_compare_with(warehouse, execute, results):
    execute("update raw.contract__borrowers set _landed_at = '2026-01-01'")
    run_gate(warehouse, run_id="run", stage="landed")
    found = results("landed")["No column loses its values from one delivery to the next"]
    assert found["observed"].startswith("not available yet: null_share_change")


@pytest.mark.parametrize("portfolio", ["sba_7a", "superlender", "xente"])
def test_nothing_delivered_fails_in_words_for_every_portfolio(
    make_settings, execute, portfolio
):
    execute()
    with pytest.raises(GateFailedError, match="Something has been delivered"):
        run_gate(make_settings(portfolio=portfolio), run_id="run", stage="landed")


def test_gates_of_one_run_share_a_page(warehouse: Settings):
    for stage in STAGES:
        page = run_gate(warehouse, run_id="run", stage=stage).page
    text = page.read_text()
    assert all(f"Gate “{stage}”" in text for stage in STAGES)
    assert text == page.with_name("latest.html").read_text()
