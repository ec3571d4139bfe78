"""Calibration moves probabilities no further than the events allow."""

import json

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from comove.errors import ModelError
from comove.risk_model.calibration import (
    Calibration,
    fit_calibration,
    overlaps,
    shift_to_rate,
)

FLAT = {"prior_sd_slope": np.inf, "prior_sd_intercept": np.inf}


def outcomes(margin, seed=3):
    generator = np.random.default_rng(seed)
    return (generator.random(len(margin)) < expit(margin)).astype(float)


@pytest.fixture(scope="module")
def margin():
    return np.random.default_rng(11).normal(-4.0, 1.0, 20_000)


def test_without_priors_the_line_is_that_of_statsmodels(margin):
    y = outcomes(0.8 + 1.3 * margin)
    fitted = sm.Logit(y, sm.add_constant(margin)).fit(disp=0, tol=1e-12)
    line = fit_calibration(margin, y, **FLAT)
    assert [line.intercept, line.slope] == pytest.approx(fitted.params.tolist(), abs=1e-8)


def test_with_priors_the_line_is_the_most_probable_one(margin):
    few = margin[:500]
    y = outcomes(1.0 + 1.5 * few)
    centre = few.mean()

    def minus_log_posterior(theta):
        slope, shift = theta
        line = centre + shift + slope * (few - centre)
        likelihood = (y * line - np.logaddexp(0, line)).sum()
        return (slope - 1) ** 2 / (2 * 0.3**2) + shift**2 / (2 * 0.6**2) - likelihood

    slope, shift = minimize(minus_log_posterior, [1.0, 0.0], tol=1e-12).x
    line = fit_calibration(few, y, prior_sd_slope=0.3, prior_sd_intercept=0.6)
    assert line.slope == pytest.approx(slope, abs=1e-5)
    assert line.intercept == pytest.approx(shift + (1 - slope) * centre, abs=1e-4)


def test_few_events_hardly_move_the_line(margin):
    y = np.zeros(60)
    y[np.argmin(margin[:60])] = 1.0
    line = fit_calibration(margin[:60], y)
    assert 0.6 < line.slope < 1.1
    assert abs(line.apply(margin[:60]) - margin[:60]).max() < 1.0


def test_a_calibrated_model_is_left_alone(margin):
    line = fit_calibration(margin, outcomes(margin))
    assert line.slope == pytest.approx(1.0, abs=0.1)
    assert line.apply(margin).mean() == pytest.approx(margin.mean(), abs=0.1)


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_priors_give_a_line_with_one_class_only(margin, only):
    line = fit_calibration(margin[:50], np.full(50, only))
    assert np.isfinite([line.slope, line.intercept]).all()


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_without_priors_one_class_is_refused(margin, only):
    with pytest.raises(ModelError, match=r"do not overlap.*Give more rows"):
        fit_calibration(margin[:50], np.full(50, only), **FLAT)


def test_missing_and_no_margins_are_refused():
    with pytest.raises(ModelError, match="1 of 2 log-odds are not finite"):
        fit_calibration(np.array([0.0, np.nan]), np.array([0.0, 1.0]))
    with pytest.raises(ModelError, match="no rows"):
        fit_calibration(np.array([]), np.array([]))


@pytest.mark.parametrize(
    ("margins", "overlap"),
    [
        ([1, 2, 3, 4], False),
        ([1, 3, 2, 4], True),
        ([1, 1, 1, 1], False),
        ([1, 2, 2, 3], False),
    ],
)
def test_classes_overlap_when_neither_lies_above_the_other(margins, overlap):
    assert overlaps(np.array(margins, float), np.array([0.0, 0.0, 1.0, 1.0])) is overlap


@given(
    margins=st.lists(st.floats(-30, 30), min_size=1, max_size=40),
    rate=st.floats(1e-4, 1 - 1e-4),
)
def test_the_shift_brings_the_mean_to_the_rate(margins, rate):
    margin = np.array(margins)
    shifted = expit(margin + shift_to_rate(margin, rate))
    assert shifted.mean() == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("rate", [0.0, 1.0, np.nan])
def test_a_rate_outside_the_open_interval_is_refused(rate):
    with pytest.raises(ModelError, match="must lie between 0 and 1"):
        shift_to_rate(np.zeros(3), rate)


def test_a_calibration_survives_json():
    line = Calibration(0.9, -0.1)
    assert Calibration.from_json(json.loads(json.dumps(line.to_json()))) == line
