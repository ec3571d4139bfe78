"""The page of the recalibration, from the tables as they are published."""

import datetime as dt
import re

import pytest
from tests.recalibration.small_lender import MONTH, change

from comove.recalibration.approval import decide
from comove.recalibration.assess import AssessReport, assess
from comove.recalibration.report import write_report
from comove.recalibration.request import Wish
from comove.recalibration.versions import Answer
from comove.settings import Settings


def page(settings: Settings) -> str:
    settings.places.serving.parent.mkdir(parents=True, exist_ok=True)
    settings.places.warehouse.rename(settings.places.serving)
    said = write_report(settings, run_id="run", month=MONTH)
    assert said["page"] == "reports/recalibration/2024-06/index.html"
    text = (settings.places.root / said["page"]).read_text()
    return re.sub(r"data:image[^\"]+", "", text)


@pytest.fixture
def proposal(lender: Settings) -> AssessReport:
    return assess(lender, run_id="run", wish=Wish(MONTH))


def test_the_page_says_why_what_and_who_is_waited_for(
    lender: Settings, proposal: AssessReport
) -> None:
    text = page(lender)
    assert "The score drifted at the stage credit_approved" in text
    assert "Main factor of the newest drift: policy." in text
    assert "Version 2 of the strategy waits for a person" in text
    assert "In force: version 1. As the seed score_strategies was delivered." in text
    assert "cutoff 570.00" in text
    assert "Version 2, proposed." in text
    assert "main factor" in text
    assert not re.search(r"<script|<link|https?://", text)


def test_a_decision_stands_with_the_versions(
    lender: Settings, proposal: AssessReport
) -> None:
    assert proposal.version is not None
    assert proposal.content_hash is not None
    noon = dt.datetime(2024, 7, 3, 12, 0)
    answer = Answer(proposal.version, proposal.content_hash, True, "ada", noon, "Agreed")
    decide(lender, run_id="run", answer=answer)
    text = page(lender)
    assert "In force: version 2." in text
    assert "Agreed" in text
    assert "waits for a person" not in text.split("</nav>")[1].split("</section>")[0]


def test_a_month_with_too_few_outcomes_says_so(lender: Settings) -> None:
    change(lender, "delete from risk.score_histogram where label = 'performance'")
    assess(lender, run_id="run", wish=Wish(MONTH))
    text = page(lender)
    assert (
        "No candidate was tried. Of the newest 12 mature cohorts 0 loans are bad" in text
    )


def test_where_nothing_calls_for_a_change_it_says_so(lender: Settings) -> None:
    change(lender, "update risk.score_drift set is_drift = false")
    assess(lender, run_id="run", wish=Wish(MONTH))
    text = page(lender)
    assert "Nothing calls for a change." in text
    assert "or there is no drift." in text


def test_a_month_that_was_not_assessed_says_so(lender: Settings) -> None:
    assert "The month was not assessed." in page(lender)
