"""Metrics equal independent implementations, and say nan where nothing can be told."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit
from scipy.stats import ks_2samp
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from comove.errors import ModelError
from comove.risk_model import metrics

ROWS = 4_000


@pytest.fixture(scope="module")
def sample():
    """Outcomes, and probabilities that overstate the differences between borrowers."""
    generator = np.random.default_rng(7)
    margin = generator.normal(-2.5, 1.0, ROWS)
    y = (generator.random(ROWS) < expit(margin)).astype(float)
    return y, expit(-2.0 + 1.4 * (margin + 2.5))


@pytest.fixture(scope="module")
def tied(sample):
    """The same with probabilities rounded to a few distinct values."""
    y, p = sample
    return y, np.round(p, 1)


@pytest.mark.parametrize("which", ["sample", "tied"])
def test_auc_is_that_of_scikit_learn(which, request):
    y, p = request.getfixturevalue(which)
    assert metrics.auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)


@pytest.mark.parametrize("which", ["sample", "tied"])
def test_ks_is_that_of_scipy(which, request):
    y, p = request.getfixturevalue(which)
    expected = ks_2samp(p[y == 1], p[y == 0]).statistic
    assert metrics.ks(y, p) == pytest.approx(expected, abs=1e-12)


@given(
    data=st.integers(2, 30).flatmap(
        lambda n: st.tuples(
            arrays(np.int64, n, elements=st.integers(0, 1)),
            arrays(np.int64, n, elements=st.integers(-3, 3)),
        )
    )
)
def test_auc_and_ks_hold_with_any_ties(data):
    y, score = data
    y[0], y[1] = 0, 1
    assert metrics.auc(y, score) == pytest.approx(roc_auc_score(y, score))
    expected = ks_2samp(score[y == 1], score[y == 0]).statistic
    assert metrics.ks(y, score) == pytest.approx(expected)


def test_ks_counts_events_that_score_below_non_events():
    assert metrics.ks([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4]) == 1.0


def test_log_loss_is_that_of_scikit_learn(sample):
    y, p = sample
    weights = np.linspace(0.5, 2.0, ROWS)
    assert metrics.log_loss(y, p) == pytest.approx(sklearn_log_loss(y, p))
    assert metrics.log_loss(y, p, weights) == pytest.approx(
        sklearn_log_loss(y, p, sample_weight=weights)
    )


def test_log_loss_of_a_certain_and_wrong_forecast_is_large_but_finite():
    assert metrics.log_loss([1.0, 0.0], [0.0, 1.0]) == pytest.approx(
        -np.log(metrics.CLIP)
    )


def test_brier_is_that_of_scikit_learn(sample):
    y, p = sample
    weights = np.linspace(0.5, 2.0, ROWS)
    assert metrics.brier(y, p) == pytest.approx(brier_score_loss(y, p))
    assert metrics.brier(y, p, weights) == pytest.approx(
        brier_score_loss(y, p, sample_weight=weights)
    )


def test_calibration_line_is_that_of_statsmodels(sample):
    y, p = sample
    fitted = sm.Logit(y, sm.add_constant(logit(p))).fit(disp=0, tol=1e-12)
    slope, intercept = metrics.calibration_slope_intercept(y, p)
    assert [intercept, slope] == pytest.approx(fitted.params.tolist(), abs=1e-8)


def test_expected_over_observed_counts_events():
    assert metrics.expected_observed([1, 0, 0, 1], [0.5, 0.5, 1.0, 1.0]) == 1.5


def test_psi_is_the_textbook_sum():
    # Shares 20, 30, 50 % then and 30, 30, 40 % now:
    # 0.1 ln(0.3/0.2) + 0 - 0.1 ln(0.4/0.5) = 0.0405465 + 0.0223144.
    assert metrics.psi([20, 30, 50], [300, 300, 400]) == pytest.approx(
        0.0628609, abs=1e-7
    )


def test_psi_counts_an_empty_bin_as_one_row_in_ten_thousand():
    expected = (0.5 - 1e-4) * np.log(0.5 / 1e-4) + (0.5 - 1.0) * np.log(0.5 / 1.0)
    assert metrics.psi([0, 100], [50, 50]) == pytest.approx(expected)


def test_psi_of_a_bin_empty_both_times_is_nothing():
    assert metrics.psi([0, 10, 10], [0, 7, 7]) == 0.0


def test_psi_refuses_other_bins():
    with pytest.raises(ModelError, match="3 expected and 2 observed bins"):
        metrics.psi([1, 2, 3], [1, 2])


def test_gains_have_equal_bands_from_the_riskiest(sample):
    y, p = sample
    gains = metrics.gains_table(y, p)
    # The same bands by another way: pandas' quantile cut of the ranks.
    bands = pd.qcut(pd.Series(-p).rank(method="first"), 10, labels=False)
    other = pd.DataFrame({"y": y, "p": p}).groupby(bands)
    assert gains["rows"].tolist() == [ROWS // 10] * 10
    assert gains["events"].tolist() == other["y"].sum().tolist()
    assert gains["mean_pd"].to_numpy() == pytest.approx(other["p"].mean().to_numpy())
    assert gains["lift"].to_numpy() == pytest.approx(
        (other["y"].mean() / y.mean()).to_numpy()
    )


def test_gains_add_up(sample):
    gains = metrics.gains_table(*sample)
    last = gains.iloc[-1]
    assert last["cumulative_rows"] == pytest.approx(1)
    assert last["cumulative_events"] == pytest.approx(1)
    assert last["cumulative_non_events"] == pytest.approx(1)
    assert last["cumulative_lift"] == pytest.approx(1)
    assert gains["ks"].max() <= metrics.ks(*sample)


def test_gains_by_every_score_show_the_exact_ks(tied):
    y, p = tied
    gains = metrics.gains_table(y, p, bands=ROWS)
    assert len(gains) == len(np.unique(p))
    assert gains["ks"].max() == pytest.approx(metrics.ks(y, p))


def test_gains_keep_equal_scores_in_one_band():
    gains = metrics.gains_table([1, 0, 0, 1], [0.3, 0.3, 0.3, 0.3])
    assert gains["rows"].tolist() == [4]
    assert gains["events"].tolist() == [2]


@pytest.mark.parametrize("y", [[], [0.0, 0.0], [1.0, 1.0]])
def test_what_one_class_cannot_tell_is_nan(y):
    p = np.linspace(0.2, 0.4, len(y))
    assert np.isnan(metrics.auc(y, p))
    assert np.isnan(metrics.ks(y, p))
    assert np.isnan(metrics.calibration_slope_intercept(y, p)).all()
    assert len(metrics.gains_table(y, p)) == len(y)


def test_a_month_without_events_has_a_log_loss_and_no_expected_over_observed():
    y, p = [0.0, 0.0], [0.1, 0.2]
    assert metrics.log_loss(y, p) == pytest.approx(-np.log(0.9 * 0.8) / 2)
    assert metrics.brier(y, p) == pytest.approx(0.025)
    assert np.isnan(metrics.expected_observed(y, p))


def test_without_rows_everything_is_nan():
    for metric in (metrics.log_loss, metrics.brier, metrics.expected_observed):
        assert np.isnan(metric([], []))
    assert np.isnan(metrics.psi([0, 0], [1, 2]))


def test_a_missing_probability_makes_nan():
    y, p = [0.0, 1.0, 0.0], [0.1, np.nan, 0.3]
    for metric in (metrics.auc, metrics.ks, metrics.log_loss, metrics.brier):
        assert np.isnan(metric(y, p))
    assert np.isnan(metrics.calibration_slope_intercept(y, p)).all()


@pytest.mark.parametrize("p", [[0.2, 0.2, 0.2], [0.1, 0.2, 0.3]])
def test_without_overlap_there_is_no_calibration_line(p):
    assert np.isnan(metrics.calibration_slope_intercept([0.0, 0.0, 1.0], p)).all()
