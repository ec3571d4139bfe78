"""The page of the decisions: everything is there, and nobody can be told from it."""

from tests.decision.small_lender import CASES, JUNE, change, publish

from comove.decision.report import write_report
from comove.settings import Settings


def page_of(lender: Settings) -> str:
    said = write_report(lender, run_id="run", month=JUNE)
    return (lender.places.root / said["page"]).read_text()


def test_the_page_tells_funnel_reasons_limits_and_fairness(lender: Settings) -> None:
    page = page_of(lender)
    for text in (
        f"{CASES:,} applications decided",
        "the probability of repaying is below what the lender requires",
        "decisions wait for a person",
        "Limits by score",
        "Approval and mean limit by kind",
        "The lender&#39;s decision and ours",
    ):
        assert text in page


def test_no_key_stands_on_the_page(lender: Settings) -> None:
    assert f"{CASES - 1:032x}" not in page_of(lender)


def test_a_group_admitted_far_less_often_is_named(lender: Settings) -> None:
    change(
        lender,
        "insert into risk.decision_fairness select * replace ("
        "'company' as group_name, 0.1 as approval_rate, 0.05 as approval_low, "
        "0.2 as approval_high) from risk.decision_fairness",
    )
    publish(lender)
    assert "company (kind) is admitted in 10%" in page_of(lender)


def test_without_decisions_the_page_says_so(lender: Settings) -> None:
    change(
        lender,
        "delete from risk.credit_decision",
        "delete from risk.decision_fairness",
    )
    publish(lender)
    assert "No application was decided" in page_of(lender)
