"""The gate stops what must not be published."""

import pytest
from tests.decision.small_lender import change

from comove.errors import GateFailedError
from comove.quality import run_gate
from comove.settings import Settings

# Great Expectations takes seconds to import.
pytestmark = pytest.mark.slow

SPOILT = {
    "Every adverse decision has its reasons": "set reason_codes = '[]'",
    "Who is refused has no limit": "set credit_limit = 10, proposed_decision = 'refuse'",
    "Nothing is final that waits": "set review_status = 'waiting', "
    "final_decision = 'admit'",
    "Every refusal is for a person to see, and final by a person's word only": "set "
    "final_decision = 'refuse', credit_limit = 0, reviewed_by = null",
    "What decisions were made by was kept": "set decided_as_of = '2024-06-30'",
}


def test_decisions_as_they_are_made_pass(lender: Settings) -> None:
    report = run_gate(lender, run_id="run", stage="credit_decision")
    assert report.failed == ()
    assert len(report.passed) == 18


@pytest.mark.parametrize("check", SPOILT)
def test_a_spoilt_table_is_stopped(lender: Settings, check: str) -> None:
    change(lender, f"update risk.credit_decision {SPOILT[check]}")
    with pytest.raises(GateFailedError, match=check):
        run_gate(lender, run_id="run", stage="credit_decision")


def test_bad_loans_that_nobody_expected_are_a_warning(lender: Settings) -> None:
    change(lender, "update risk.decision_input set admission_probability = 0.999")
    report = run_gate(lender, run_id="run", stage="credit_decision")
    assert report.warned == ("About as many loans turn out bad as was expected",)


def test_a_score_from_the_future_in_the_second_place_is_stopped(lender: Settings) -> None:
    change(
        lender,
        """
        insert into audit.model_registry by name
        select * replace (
            'application-blend-x' as model_version, 'application' as purpose,
            date '2030-01-01' as first_month_predicted
        ) from audit.model_registry limit 1
        """,
        "update risk.decision_input set model_version = 'a + application-blend-x'",
    )
    with pytest.raises(GateFailedError, match="No model judged before its time"):
        run_gate(lender, run_id="run", stage="credit_decision")
