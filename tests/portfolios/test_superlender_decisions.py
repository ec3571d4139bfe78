"""superlender: decisions of July 2017 judged by the lender's own good and bad."""

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tests.portfolios.conftest import BuildOnce
from tests.portfolios.models import decided, with_features

PORTFOLIO = "superlender"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def july(portfolio: str, build_once: BuildOnce) -> pd.DataFrame:
    """Loans of July 2017, which the lender reported on later."""
    found = decided(with_features(build_once(portfolio)))
    return found[found["cohort_month"] == "2017-07-01"]


def test_the_loans_reported_on_are_judged_and_few_are_refused(july: pd.DataFrame) -> None:
    """4,368 rows of `current_loans`: README. Earlier payments show 2 % bad."""
    assert july["is_bad"].notna().sum() == 4_368
    assert (july["proposed_decision"] == "refuse").mean() < 0.02


def test_probabilities_and_strategies_tell_who_turned_out_bad(july: pd.DataFrame) -> None:
    known = july[july["is_bad"].notna()]
    is_bad = known["is_bad"].astype(bool)
    assert roc_auc_score(is_bad, 1 - known["admission_probability"]) > 0.62
    share = is_bad.groupby(known["strategy"].fillna("refused")).mean()
    assert share["instant"] < share["standard"] < share["watched"]
    assert share["watched"] > 0.4


def test_no_limit_is_a_hair_below_what_was_asked_for(july: pd.DataFrame) -> None:
    """Of 17,402 admitted 7,659 once got 9,990 of 10,000."""
    admitted = july[july["proposed_decision"] == "admit"]
    assert (admitted["credit_limit"] % 1000 == 0).all()
    cut = admitted["credit_limit"] < admitted["requested_amount"]
    hair = cut & (admitted["credit_limit"] > 0.99 * admitted["requested_amount"])
    assert not hair.any()
    ten = admitted[admitted["requested_amount"] == 10_000]
    assert (ten["credit_limit"] == 10_000).mean() > 0.9
