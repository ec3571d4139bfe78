"""The bivariate normal distribution function, against scipy and closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from comove.joint_risk.bivariate import bivariate_normal_cdf

bounds = st.floats(-6, 6)
correlations = st.floats(-0.999, 0.999)


def by_conditioning(x: float, y: float, rho: float) -> float:
    """Integral over the first variable of the second one's conditional probability."""
    rest = np.sqrt(1 - rho**2)
    # Where the conditional probability falls steeply.
    steep = [p for p in (y / rho if rho else 0.0,) if -9 < p < x] or None
    value, _ = quad(
        lambda u: norm.pdf(u) * ndtr((y - rho * u) / rest),
        -9,
        x,
        epsabs=1e-14,
        epsrel=1e-13,
        limit=500,
        points=steep,
    )
    return value


@pytest.mark.parametrize("rho", [-0.99, -0.8, -0.4, -0.1, 0.05, 0.29, 0.6, 0.9, 0.97])
def test_agrees_with_an_integral_over_one_variable(rho: float) -> None:
    for x, y in [(-2.3, -1.7), (0.0, 0.0), (-4.0, 1.0), (1.2, 2.5), (-3.1, -3.0)]:
        found = bivariate_normal_cdf(x, y, rho)
        assert found == pytest.approx(by_conditioning(x, y, rho), abs=1e-12)


def test_agrees_with_scipy_in_two_dimensions() -> None:
    rng = np.random.default_rng(1)
    for x, y, rho in rng.uniform([-3, -3, -0.95], [3, 3, 0.95], (40, 3)):
        expected = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([x, y])
        assert bivariate_normal_cdf(x, y, rho) == pytest.approx(expected, abs=1e-8)


def test_both_below_their_median_is_the_arcsine_law() -> None:
    rho = np.linspace(-1, 1, 201)
    expected = 0.25 + np.arcsin(rho) / (2 * np.pi)
    np.testing.assert_allclose(bivariate_normal_cdf(0, 0, rho), expected, atol=1e-14)


def test_perfect_correlation_leaves_one_variable() -> None:
    assert bivariate_normal_cdf(-1.0, 0.3, 1.0) == pytest.approx(ndtr(-1.0), abs=1e-15)
    expected = max(0.0, ndtr(-1.0) + ndtr(1.3) - 1)
    assert bivariate_normal_cdf(-1.0, 1.3, -1.0) == pytest.approx(expected, abs=1e-15)


def test_rare_pairs_keep_their_digits() -> None:
    found = bivariate_normal_cdf(-4.5, -4.0, 0.2)
    assert found == pytest.approx(by_conditioning(-4.5, -4.0, 0.2), rel=1e-9)


def test_certain_and_impossible_events() -> None:
    inf = np.inf
    assert bivariate_normal_cdf(-inf, 1.0, 0.5) == 0
    assert bivariate_normal_cdf(inf, -1.0, 0.5) == pytest.approx(ndtr(-1.0))
    assert np.isnan(bivariate_normal_cdf(np.nan, 0.0, 0.5))
    assert np.isnan(bivariate_normal_cdf(0.0, 0.0, 1.1))


@given(bounds, bounds, correlations)
def test_four_quadrants_add_up(x: float, y: float, rho: float) -> None:
    below = bivariate_normal_cdf(x, y, rho)
    only_first = bivariate_normal_cdf(x, -y, -rho)
    assert below + only_first == pytest.approx(ndtr(x), abs=1e-13)
    assert below == pytest.approx(float(bivariate_normal_cdf(y, x, rho)), abs=1e-14)


@given(bounds, bounds, correlations)
def test_more_correlation_is_never_less_joint_probability(
    x: float, y: float, rho: float
) -> None:
    more = bivariate_normal_cdf(x, y, rho + 0.0009)
    assert more >= bivariate_normal_cdf(x, y, rho) - 1e-14


def test_arrays_are_broadcast() -> None:
    found = bivariate_normal_cdf(np.zeros((3, 1)), np.zeros(4), 0.0)
    np.testing.assert_allclose(found, np.full((3, 4), 0.25))
