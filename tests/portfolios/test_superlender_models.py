"""superlender: `current_loans` scored by models of other borrowers, beside plain ones."""

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tests.portfolios.conftest import BuildOnce
from tests.portfolios.models import RUN_ID, last_month, with_features

from comove.risk_model.application import ApplicationReport, train_application
from comove.risk_model.export import APPLICATIONS

PORTFOLIO = "superlender"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def report(portfolio: str, build_once: BuildOnce) -> ApplicationReport:
    """What training and scoring say, with the default settings."""
    settings = with_features(build_once(portfolio))
    return train_application(
        settings, run_id=RUN_ID, month=last_month(settings), tell=lambda _sentence: None
    )


def test_all_loans_reported_on_are_compared(report: ApplicationReport) -> None:
    """4,368 rows of `current_loans`: README."""
    assert {one.applications for one in report.comparison} == {4_368}
    assert report.unavailable is None


def test_own_area_is_at_least_that_of_plain_models(report: ApplicationReport) -> None:
    area = {one.model: one.auc for one in report.comparison}
    assert area["own"] >= area["plain_logistic"]
    assert area["own"] >= area["plain_xgboost"]
    assert area["own"] > 0.7


def test_the_area_is_that_of_scikit_learn(report: ApplicationReport) -> None:
    """Over the lender's own word; previous loans are known by their performance only."""
    scores = pd.read_parquet(report.scores_file)
    told = pd.read_parquet(report.scores_file.with_name(APPLICATIONS))
    reported = told.loc[told["outcome_source"] == "reported", "application_key"]
    known = scores[scores["application_key"].isin(reported)]
    found = roc_auc_score(known["performance_label"] == "bad", known["pd"])
    own = next(one for one in report.comparison if one.model == "own")
    assert found == pytest.approx(own.auc, abs=1e-9)
