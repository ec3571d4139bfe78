"""sba_7a: the monthly hazard of charge-off, out of sample through the crisis."""

import datetime as dt

import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import logit
from sklearn.metrics import log_loss, roc_auc_score
from tests.portfolios.conftest import BuildOnce
from tests.portfolios.models import RUN_ID, with_features

from comove.connection import connect
from comove.risk_model import train as training
from comove.risk_model.export import run_folder

PORTFOLIO = "sba_7a"
FIRST, LAST = dt.date(2007, 1, 1), dt.date(2010, 12, 1)
# Fiscal years begin in October.
APPROVED_FROM, APPROVED_TO = dt.date(2003, 10, 1), dt.date(2006, 9, 1)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def predicted(portfolio: str, build_once: BuildOnce) -> pd.DataFrame:
    """Champions' predictions of loans approved in the fiscal years 2004 to 2006.

    With the default settings, but for the beginning of the walk-forward: the years
    2007 to 2010 are what is judged.
    """
    settings = with_features(build_once(portfolio), pd_first_month=FIRST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_promotions", lambda _settings: ())
        training.train(settings, run_id=RUN_ID, month=LAST, tell=lambda _sentence: None)
    file = run_folder(settings, RUN_ID) / "predictions.parquet"
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            f"""
            select predictions.*
            from read_parquet('{file}') as predictions
            inner join marts.fct_application using (borrower_key)
            where predictions.month between ? and ?
                and cohort_month between ? and ?
            """,
            [FIRST, LAST, APPROVED_FROM, APPROVED_TO],
        ).df()


def test_every_month_of_the_crisis_is_predicted_out_of_sample(
    predicted: pd.DataFrame,
) -> None:
    assert predicted["month"].nunique() == 48
    assert predicted["is_out_of_sample"].all()
    assert predicted["is_event"].sum() > 2_000


def test_log_loss_is_at_most_that_of_a_plain_xgboost(predicted: pd.DataFrame) -> None:
    """0.0296: measured for the design, the same loans and months."""
    assert log_loss(predicted["is_event"], predicted["pd"]) <= 0.0296


def test_calibration_slope_is_near_one_over_the_whole_window(
    predicted: pd.DataFrame,
) -> None:
    margin = sm.add_constant(logit(predicted["pd"].to_numpy()))
    fitted = sm.Logit(predicted["is_event"].astype(float).to_numpy(), margin).fit(disp=0)
    assert 0.8 <= fitted.params[1] <= 1.2


def test_those_charged_off_rank_above_the_others(predicted: pd.DataFrame) -> None:
    """Well above one half; 0.675 when this was written."""
    assert roc_auc_score(predicted["is_event"], predicted["pd"]) > 0.65
