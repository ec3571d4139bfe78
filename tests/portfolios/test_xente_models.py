"""xente: defaults scored by models of other borrowers, beside plain ones.

Nothing is asserted against plain xgboost's area: with 71 bad loans the order of the two
hangs on how borrowers fall into parts (`docs/application-score.md` has the figures).
"""

import pytest
from tests.portfolios.conftest import BuildOnce
from tests.portfolios.models import RUN_ID, last_month, with_features

from comove.risk_model.application import ApplicationReport, train_application

PORTFOLIO = "xente"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def report(portfolio: str, build_once: BuildOnce) -> ApplicationReport:
    """What training and scoring say, with the default settings."""
    settings = with_features(build_once(portfolio))
    return train_application(
        settings, run_id=RUN_ID, month=last_month(settings), tell=lambda _sentence: None
    )


def test_all_loans_reported_on_are_compared(report: ApplicationReport) -> None:
    """1,159 loans: README."""
    assert {one.applications for one in report.comparison} == {1_159}
    assert {one.bad for one in report.comparison} == {71}
    assert report.unavailable is None


def test_own_area_is_at_least_that_of_plain_logistic_regression(
    report: ApplicationReport,
) -> None:
    area = {one.model: one.auc for one in report.comparison}
    assert area["own"] >= area["plain_logistic"]
    assert area["own"] > 0.85


def test_own_log_loss_is_below_those_of_plain_models(report: ApplicationReport) -> None:
    loss = {one.model: one.log_loss for one in report.comparison}
    assert loss["own"] < min(loss["plain_logistic"], loss["plain_xgboost"])
