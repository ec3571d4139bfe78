"""Metrics equal independent implementations, and say nan where nothing can be told."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit
from scipy.stats import ks_2samp
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

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


@pytest.mark.parametrize("y", [[], [0.0, 0.0], [1.0, 1.0]])
def test_what_one_class_cannot_tell_is_nan(y):
    p = np.linspace(0.2, 0.4, len(y))
    assert np.isnan(metrics.auc(y, p))
    assert np.isnan(metrics.ks(y, p))
    assert np.isnan(metrics.calibration_slope_intercept(y, p)).all()


def test_a_month_without_events_has_a_log_loss_and_no_expected_over_observed():
    y, p = [0.0, 0.0], [0.1, 0.2]
    assert metrics.log_loss(y, p) == pytest.approx(-np.log(0.9 * 0.8) / 2)
    assert metrics.brier(y, p) == pytest.approx(0.025)
    assert np.isnan(metrics.expected_observed(y, p))


def test_without_rows_everything_is_nan():
    for metric in (metrics.log_loss, metrics.brier, metrics.expected_observed):
        assert np.isnan(metric([], []))


def test_a_missing_probability_makes_nan():
    y, p = [0.0, 1.0, 0.0], [0.1, np.nan, 0.3]
    for metric in (metrics.auc, metrics.ks, metrics.log_loss, metrics.brier):
        assert np.isnan(metric(y, p))
    assert np.isnan(metrics.calibration_slope_intercept(y, p)).all()


@pytest.mark.parametrize("p", [[0.2, 0.2, 0.2], [0.1, 0.2, 0.3]])
def test_without_overlap_there_is_no_calibration_line(p):
    assert np.isnan(metrics.calibration_slope_intercept([0.0, 0.0, 1.0], p)).all()
