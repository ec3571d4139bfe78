"""Thresholds and averages of the Student-t copula, against scipy."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import chi, t

from comove.joint_risk.student_t import normal_quantile, scale_nodes, thresholds


def average_over_scale(nu: float, q: float, effect: float, spread: float) -> float:
    """P(event) by adaptive integration over ln c."""

    def density(u: float) -> float:
        c = np.exp(u)
        return chi.pdf(c * np.sqrt(nu), nu) * np.sqrt(nu) * c

    found, _ = quad(
        lambda u: ndtr((np.exp(u) * q + effect) / spread) * density(u),
        -14,
        2.5,
        epsabs=1e-15,
        epsrel=1e-10,
        limit=500,
    )
    return found


@pytest.mark.parametrize("nu", [2.5, 4.0, 12.0, 60.0, 400.0])
@pytest.mark.parametrize("pd", [1e-5, 1e-3, 0.05, 0.5, 0.9])
def test_nodes_average_as_integration_does(nu: float, pd: float) -> None:
    scale, weight = scale_nodes(np.array([nu]), 1)
    q = float(thresholds(normal_quantile(pd), np.array([nu]), 1)[0])
    for effect, spread in [(0.0, 1.0), (0.7, 0.8), (-0.5, 0.95)]:
        found = (weight * ndtr((scale * q + effect) / spread)).sum()
        expected = average_over_scale(nu, q, effect, spread)
        assert found == pytest.approx(expected, rel=1e-4)


def test_without_effects_the_margin_comes_back() -> None:
    nu = np.array([3.0, 8.0, 30.0])
    scale, weight = scale_nodes(nu, 3)
    q = thresholds(normal_quantile(0.02), nu, 3)
    found = (weight * ndtr(scale * q[:, None])).sum(axis=1)
    np.testing.assert_allclose(found, 0.02, rtol=2e-5)


def test_weights_add_up_and_average_the_square_to_one() -> None:
    scale, weight = scale_nodes(np.array([3.0, 20.0]), 2)
    np.testing.assert_allclose(weight.sum(axis=1), 1.0)
    np.testing.assert_allclose((weight * scale**2).sum(axis=1), 1.0, atol=5e-5)


def test_thresholds_are_quantiles_of_student() -> None:
    p = np.array([1e-8, 1e-3, 0.3, 0.5, 0.8, 0.999])
    nu = np.array([2.5, 7.0, 40.0])
    found = thresholds(normal_quantile(p), nu, 3)
    np.testing.assert_allclose(found, t.ppf(p, nu[:, None]), rtol=1e-8, atol=1e-12)


def test_gaussian_thresholds_are_the_normal_quantiles() -> None:
    z = np.array([[-1.0, 0.5]])
    np.testing.assert_array_equal(thresholds(z, None, 3), np.stack([z] * 3))
    scale, weight = scale_nodes(None, 5)
    assert scale.shape == (5, 1)
    assert (weight == 1).all()


def test_certain_impossible_and_unknown_margins() -> None:
    z = normal_quantile([0.0, 1.0, np.nan])
    found = thresholds(z, np.array([5.0]), 1)[0]
    assert found[0] == -np.inf
    assert found[1] == np.inf
    assert np.isnan(found[2])
