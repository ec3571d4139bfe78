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
        "'company' as group_name, 0.1 as approval_rate, -0.5 as difference_low, "
        "-0.25 as difference_high, -0.03 as four_fifths_high) "
        "from risk.decision_fairness",
    )
    publish(lender)
    page = page_of(lender)
    assert "company (kind) is admitted in 10% of 60 applications" in page
    assert "less than four fifths as often as person" in page
    assert "25 to 50 points" in page


def test_a_page_of_a_month_tells_of_no_later_decision(lender: Settings) -> None:
    later = "update risk.decision_fairness set as_of_month = '2024-07-01'"
    change(
        lender,
        "insert into risk.decision_fairness select * replace ("
        "'company' as group_name, -0.03 as four_fifths_high) "
        "from risk.decision_fairness",
        later,
    )
    publish(lender)
    assert "company (kind)" not in page_of(lender)


def test_without_decisions_the_page_says_so(lender: Settings) -> None:
    change(
        lender,
        "delete from risk.credit_decision",
        "delete from risk.decision_fairness",
    )
    publish(lender)
    assert "No application was decided" in page_of(lender)
