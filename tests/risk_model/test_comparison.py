"""Models side by side, checked against scikit-learn and the definition of DeLong."""

import numpy as np
import pytest
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from comove.risk_model.comparison import auc_difference, compare

RNG = np.random.default_rng(7)
Y = (RNG.random(300) < 0.3).astype(float)
# Rounded, so that there are ties.
ONE = np.round(np.clip(0.3 + 0.2 * Y + RNG.normal(0, 0.2, 300), 0.01, 0.99), 2)
OTHER = np.round(np.clip(0.3 + 0.1 * Y + RNG.normal(0, 0.2, 300), 0.01, 0.99), 2)


def by_every_pair(y, p):
    """Placements by comparing every bad with every good, as DeLong et al. define them."""
    bad, good = p[y == 1][:, None], p[y == 0][None, :]
    kernel = (bad > good) + 0.5 * (bad == good)
    return kernel.mean(axis=1), kernel.mean(axis=0)


def test_the_difference_of_areas_is_scikit_learns():
    difference, _ = auc_difference(Y, ONE, OTHER)
    expected = roc_auc_score(Y, ONE) - roc_auc_score(Y, OTHER)
    assert difference == pytest.approx(expected, abs=1e-12)


def test_its_standard_error_is_delongs():
    _, error = auc_difference(Y, ONE, OTHER)
    (bad_1, good_1), (bad_2, good_2) = by_every_pair(Y, ONE), by_every_pair(Y, OTHER)
    of_bad = np.cov(bad_1, bad_2)
    of_good = np.cov(good_1, good_2)
    contrast = np.array([1, -1])
    covariance = of_bad / len(bad_1) + of_good / len(good_1)
    assert error == pytest.approx(np.sqrt(contrast @ covariance @ contrast), rel=1e-12)


def test_a_model_does_not_differ_from_itself():
    assert auc_difference(Y, ONE, ONE) == (0, 0)


def test_the_first_model_is_what_the_others_are_held_against():
    own, plain = compare(Y, {"own": ONE, "plain": OTHER})
    assert own.auc_below_own == 0
    assert plain.auc_below_own == pytest.approx(own.auc - plain.auc)
    assert own.auc == pytest.approx(roc_auc_score(Y, ONE))
    assert own.log_loss == pytest.approx(sklearn_log_loss(Y, ONE))
    assert (own.applications, own.bad) == (300, int(Y.sum()))


def test_a_model_that_misses_a_row_is_left_out():
    holed = np.where(np.arange(300) == 5, np.nan, OTHER)
    assert [one.model for one in compare(Y, {"own": ONE, "holed": holed})] == ["own"]


def test_one_class_cannot_be_compared():
    assert compare(np.zeros(3), {"own": np.full(3, 0.5)}) == ()
