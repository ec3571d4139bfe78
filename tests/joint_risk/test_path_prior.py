"""Densities of deviations and level, against scipy's multivariate normal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multivariate_normal
from tests.joint_risk.differences import differences

from comove.joint_risk.basis import make_basis
from comove.joint_risk.path_prior import deviation_log_density, level_log_density

FloatArray = NDArray[np.float64]


def ar1_correlation(phi: float, months: int) -> FloatArray:
    lags = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    return np.asarray(phi**lags)


def projected_density(
    effects: FloatArray, loading: FloatArray, phi: float, weight: FloatArray
) -> float:
    """Of the coordinates of independent AR(1) effects, common part projected away."""
    inward = make_basis(weight).inward
    months = effects.shape[1]
    covariance = np.kron(
        inward @ np.diag(loading**2) @ inward.T, ar1_correlation(phi, months)
    )
    law = multivariate_normal(np.zeros(len(covariance)), covariance)
    return float(law.logpdf((inward @ effects).ravel()))


@settings(deadline=None, max_examples=30)
@given(
    groups=st.integers(2, 5),
    months=st.integers(1, 5),
    phis=st.tuples(st.floats(-0.9, 0.95), st.floats(-0.9, 0.95)),
    seed=st.integers(0, 1000),
)
def test_deviations_have_the_density_of_projected_effects(
    groups: int, months: int, phis: tuple[float, float], seed: int
) -> None:
    """The normaliser too: loadings and phi differ between the two points."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(1, 3, groups)
    share = weight / weight.sum()
    dense, found = [], []
    for phi in phis:
        effects = 0.3 * rng.normal(size=(groups, months))
        loading = rng.uniform(0.1, 0.4, groups)
        dense.append(projected_density(effects, loading, phi, weight))
        found.append(deviation_log_density(effects - share @ effects, loading, phi)[0])
    assert found[0] - found[1] == pytest.approx(dense[0] - dense[1], rel=1e-6, abs=1e-6)


def test_deviations_density_does_not_see_a_common_shift() -> None:
    rng = np.random.default_rng(1)
    effects, shift = rng.normal(size=(4, 5)), rng.normal(size=5)
    loading = np.array([0.1, 0.2, 0.3, 0.4])
    one = deviation_log_density(effects, loading, 0.6)[0]
    other = deviation_log_density(effects + shift, loading, 0.6)[0]
    assert one == pytest.approx(other)


@pytest.mark.parametrize("months", [1, 5])
def test_deviations_gradient_is_that_of_the_density(months: int) -> None:
    rng = np.random.default_rng(2)
    path, loading, phi = rng.normal(size=(4, months)), rng.uniform(0.1, 0.4, 4), 0.6
    found = deviation_log_density(path, loading, phi)
    expected = (
        differences(lambda at: deviation_log_density(at, loading, phi)[0], path),
        differences(lambda at: deviation_log_density(path, at, phi)[0], loading),
        differences(
            lambda at: deviation_log_density(path, loading, float(at))[0], np.array(phi)
        ),
    )
    for one, other in zip(found[1:], expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def level_covariance(variance: FloatArray, phi: FloatArray, months: int) -> FloatArray:
    parts = zip(variance, phi, strict=True)
    return np.asarray(sum(v * ar1_correlation(p, months) for v, p in parts))


@pytest.mark.parametrize("months", [1, 6])
def test_level_has_the_density_of_a_sum_of_paths(months: int) -> None:
    rest = np.random.default_rng(3).normal(size=months)
    variance, phi = np.array([0.3, 0.2, 0.1]), np.array([0.7, 0.2, -0.4])
    law = multivariate_normal(np.zeros(months), level_covariance(variance, phi, months))
    constant = 0.5 * months * np.log(2 * np.pi)
    found = level_log_density(rest, variance, phi)
    assert found[0] == pytest.approx(law.logpdf(rest) + constant)
    expected = (
        differences(lambda at: level_log_density(at, variance, phi)[0], rest),
        differences(lambda at: level_log_density(rest, at, phi)[0], variance),
        differences(lambda at: level_log_density(rest, variance, at)[0], phi),
    )
    for one, other in zip(found[1:], expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
