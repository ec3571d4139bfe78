"""An assessment from end to end on the small lender."""

import pytest
from tests.recalibration.small_lender import MONTH, change, rows

from comove.recalibration.assess import assess
from comove.recalibration.request import Wish
from comove.settings import Settings

WISH = Wish(MONTH, asked_by="ada")


def test_print(lender: Settings) -> None:
    report = assess(lender, run_id="run", wish=WISH)
    print(report)
    print(report.evidence)
    for t in (
        "recalibration",
        "recalibration_factor",
        "score_performance",
        "strategy_version",
        "strategy_band",
    ):
        for r in rows(lender, f"from risk.{t}"):
            print(r)
