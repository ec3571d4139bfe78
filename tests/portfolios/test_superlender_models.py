"""superlender: `current_loans` scored by models of other borrowers, beside plain ones.

Areas differ by 0.003 from one division of the borrowers into parts to the next, and by
0.007 from the plain logistic regression's. So they are compared on the mean of two,
which the seed draws of borrowers whose keys are the same in every run.
"""

from statistics import fmean

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tests.portfolios.conftest import BuildOnce
from tests.portfolios.models import RUN_ID, last_month, with_features

from comove.risk_model.application import ApplicationReport, train_application
from comove.risk_model.export import APPLICATIONS

PORTFOLIO = "superlender"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


SEEDS = (1, 2)

Reports = tuple[ApplicationReport, ...]


@pytest.fixture(scope="module")
def reports(portfolio: str, build_once: BuildOnce) -> Reports:
    """What training and scoring say, with other parts of the borrowers each time.

    Scores are the last division's: each writes its own in place of those before.
    """
    settings = with_features(build_once(portfolio))
    return tuple(
        train_application(
            settings.model_copy(update={"seed": seed}),
            run_id=RUN_ID,
            month=last_month(settings),
            tell=lambda _sentence: None,
        )
        for seed in SEEDS
    )


def test_all_loans_reported_on_are_compared(reports: Reports) -> None:
    """4,368 rows of `current_loans`: README."""
    for report in reports:
        assert {one.applications for one in report.comparison} == {4_368}
        assert report.unavailable is None


def test_own_area_is_at_least_that_of_plain_models(reports: Reports) -> None:
    area = {
        model: fmean(
            one.auc
            for report in reports
            for one in report.comparison
            if one.model == model
        )
        for model in ("own", "plain_logistic", "plain_xgboost")
    }
    assert area["own"] >= area["plain_logistic"]
    assert area["own"] >= area["plain_xgboost"]
    assert area["own"] > 0.7


def test_the_area_is_that_of_scikit_learn(reports: Reports) -> None:
    """Over the lender's own word; previous loans are known by their performance only."""
    report = reports[-1]
    scores = pd.read_parquet(report.scores_file)
    told = pd.read_parquet(report.scores_file.with_name(APPLICATIONS))
    reported = told.loc[told["outcome_source"] == "reported", "application_key"]
    known = scores[scores["application_key"].isin(reported)]
    found = roc_auc_score(known["performance_label"] == "bad", known["pd"])
    own = next(one for one in report.comparison if one.model == "own")
    assert found == pytest.approx(own.auc, abs=1e-9)
