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
    "What decisions were made by was kept": "set decided_as_of = '2024-06-30'",
}


def test_decisions_as_they_are_made_pass(lender: Settings) -> None:
    report = run_gate(lender, run_id="run", stage="credit_decision")
    assert report.failed == ()
    assert len(report.passed) == 16


@pytest.mark.parametrize("check", SPOILT)
def test_a_spoilt_table_is_stopped(lender: Settings, check: str) -> None:
    change(lender, f"update risk.credit_decision {SPOILT[check]}")
    with pytest.raises(GateFailedError, match=check):
        run_gate(lender, run_id="run", stage="credit_decision")
