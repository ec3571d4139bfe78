"""The gate of the recalibration: what it lets through, and what it notices."""

import datetime as dt
import shutil
from pathlib import Path

import pytest
from tests.recalibration.small_lender import MONTH, change, open_lender

from comove.audit import open_run
from comove.errors import GateFailedError
from comove.quality import run_gate
from comove.recalibration.approval import decide
from comove.recalibration.assess import assess
from comove.recalibration.request import Wish
from comove.recalibration.versions import Answer
from comove.settings import Settings

NOON = dt.datetime(2024, 7, 3, 12, 0)


@pytest.fixture(scope="module")
def assessed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lender's warehouse with an approved version and a proposed one."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("assessed"))
    report = assess(open_lender(settings), run_id="run", wish=Wish(MONTH))
    assert report.version is not None
    assert report.content_hash is not None
    answer = Answer(report.version, report.content_hash, True, "ada", NOON, None)
    decide(settings, run_id="run", answer=answer)
    assess(settings, run_id="back", wish=Wish(MONTH, restore=1))
    open_run(settings, run_id="run", dag_id="recalibration", month=MONTH)
    return settings.places.warehouse


@pytest.fixture
def assessed(settings: Settings, assessed_file: Path) -> Settings:
    """Settings of a home with that warehouse."""
    settings.places.make()
    shutil.copyfile(assessed_file, settings.places.warehouse)
    return settings


def test_an_assessment_in_order_passes_every_check(assessed: Settings) -> None:
    report = run_gate(assessed, run_id="run", stage="recalibration")
    assert report.failed == report.warned == report.not_available == ()
    assert len(report.passed) == 20


def test_without_candidates_there_is_nothing_to_judge_and_no_failure(
    lender: Settings,
) -> None:
    change(lender, "delete from risk.score_histogram where label = 'performance'")
    assess(lender, run_id="run", wish=Wish(MONTH))
    open_run(lender, run_id="run", dag_id="recalibration", month=MONTH)
    report = run_gate(lender, run_id="run", stage="recalibration")
    assert report.failed == ()
    assert "Effects lie within their intervals" in report.not_available


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        (
            "insert into risk.recalibration from risk.recalibration limit 1",
            "No version, band, candidate, factor or cohort stands twice",
        ),
        (
            "update risk.strategy_version set status = 'in force' where version = 1",
            "Exactly one version is in force",
        ),
        (
            "update risk.strategy_version set status = 'retired' where version = 2",
            "Exactly one version is in force",
        ),
        (
            "update risk.strategy_version set status = 'proposed' where version = 1",
            "At most one version waits for a person",
        ),
        (
            "update risk.strategy_version set decided_by = null where version = 2",
            "No version came into force without a person",
        ),
        (
            "update risk.strategy_version set status = 'rejected' where version = 3",
            "Every rejection names who rejected",
        ),
        (
            "update risk.strategy_band set limit_factor = 0.5 where action = 'refuse'",
            "Refused bands have no limit and others do",
        ),
        (
            "update risk.strategy_band set score_from = score_from + 5 "
            "where version = 1 and position = 3",
            "Bands of a version leave no gap",
        ),
        (
            "delete from risk.strategy_band where version = 1",
            "Every version has bands",
        ),
        (
            "update risk.recalibration set effect_low = effect + 1",
            "Effects lie within their intervals",
        ),
        (
            "update risk.recalibration set effect_low = -1 where is_selected",
            "What is selected is surely better, or in force",
        ),
        (
            "update risk.recalibration set is_selected = true where kind = 'cutoff'",
            "One candidate of each kind is selected",
        ),
        (
            "update risk.recalibration set loans = 2 * loans",
            "Candidates are tried on the loans of the window, each once",
        ),
        (
            "update risk.recalibration set month = '2024-06-02'",
            "Assessed months are the first day of the month",
        ),
        (
            "update risk.recalibration set version = 99 where is_selected",
            "Candidates name versions that are there",
        ),
        (
            "delete from risk.score_assessment",
            "Every candidate belongs to an assessment",
        ),
        (
            "update risk.recalibration_factor set gap = 2",
            "Gaps and weights of factors are shares",
        ),
        (
            "update risk.recalibration_factor set after_month = drift_to",
            "A drift lies after the one before it",
        ),
        (
            "update risk.score_performance set bad_loans = loans + 1",
            "Loans of a cohort are counted, and bad ones are among them",
        ),
        (
            "update risk.score_performance set ks = 1.5",
            "KS lies between 0 and 1, and within its interval",
        ),
        (
            "update risk.score_performance set cohort_to = '2024-07-01'",
            "No cohort is later than the month assessed",
        ),
    ],
)
def test_what_is_wrong_fails(assessed: Settings, statement: str, check: str) -> None:
    change(assessed, statement)
    with pytest.raises(GateFailedError, match=check):
        run_gate(assessed, run_id="run", stage="recalibration")
