"""xente: admission against the lender's own accept and reject, May and June 2019.

39 of its 71 bad outcomes are first known in April 2019, so models are refitted monthly.
"""

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tests.portfolios.conftest import BuildOnce
from tests.portfolios.models import decided, with_features

PORTFOLIO = "xente"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def judged(portfolio: str, build_once: BuildOnce) -> pd.DataFrame:
    """Applications a model judged."""
    return decided(with_features(build_once(portfolio), decision_refit_months=1))


def test_applications_are_judged_once_outcomes_are_known(judged: pd.DataFrame) -> None:
    assert len(judged) > 200
    assert judged["cohort_month"].min() >= pd.Timestamp("2019-04-01")


def test_the_lender_does_not_decide_by_the_risk_of_default_alone(
    judged: pd.DataFrame,
) -> None:
    """It accepts more than half; our probability ranks its acceptances weakly."""
    accepts = judged["lender"] == "approved"
    admits = judged["proposed_decision"] == "admit"
    assert 0.5 < accepts.mean() < 0.65
    assert 0.5 < (accepts == admits).mean() < 0.7
    assert 0.5 < roc_auc_score(accepts, judged["admission_probability"]) < 0.7
