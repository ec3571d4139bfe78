"""Paths from white noise, against dense linear algebra and differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.joint_risk.differences import differences

from comove.joint_risk.whitening import colour, colour_gradient

FloatArray = NDArray[np.float64]


def posterior_precision(scale: float, phi: float, information: FloatArray) -> FloatArray:
    lags = np.abs(
        np.subtract.outer(np.arange(len(information)), np.arange(len(information)))
    )
    return np.linalg.inv(scale**2 * phi**lags) + np.diag(information)


def arrays(seed: int, paths: int, months: int) -> tuple[FloatArray, ...]:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(paths, months)),
        rng.uniform(0.05, 0.5, paths),
        rng.uniform(0, 300, (paths, months)),
        30 * rng.normal(size=(paths, months)),
    )


@settings(deadline=None, max_examples=30)
@given(
    months=st.integers(1, 9),
    phi=st.floats(-0.95, 0.95),
    seed=st.integers(0, 1000),
)
def test_paths_are_mean_and_noise_of_the_gaussian_posterior(
    months: int, phi: float, seed: int
) -> None:
    noise, scale, information, weighted = arrays(seed, 3, months)
    paths, log_jacobian = colour(noise, scale, phi, information, weighted)
    log_determinants = 0.0
    for j in range(3):
        precision = posterior_precision(scale[j], phi, information[j])
        root = np.linalg.cholesky(precision)
        expected = np.linalg.solve(precision, weighted[j])
        expected += np.linalg.solve(root.T, noise[j])
        np.testing.assert_allclose(paths[j], expected, rtol=1e-6, atol=1e-9)
        log_determinants -= 0.5 * np.linalg.slogdet(precision)[1]
    assert log_jacobian == pytest.approx(log_determinants)


@pytest.mark.parametrize("months", [1, 2, 7])
def test_gradient_is_that_of_paths_and_jacobian(months: int) -> None:
    noise, scale, information, weighted = arrays(5, 4, months)
    by_paths, by_log_jacobian = np.random.default_rng(6).normal(size=(4, months)), 0.7

    def target(
        noise: FloatArray, scale: FloatArray, phi: float, told: FloatArray = weighted
    ) -> float:
        paths, log_jacobian = colour(noise, scale, phi, information, told)
        return float((paths * by_paths).sum() + by_log_jacobian * log_jacobian)

    found = colour_gradient(
        noise, scale, 0.6, information, weighted, by_paths, by_log_jacobian
    )
    expected = (
        differences(lambda at: target(at, scale, 0.6), noise),
        differences(lambda at: target(noise, at, 0.6), scale),
        differences(lambda at: target(noise, scale, float(at)), np.array(0.6)),
        differences(lambda at: target(noise, scale, 0.6, at), weighted),
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_without_data_noise_becomes_a_draw_from_the_prior() -> None:
    noise = np.random.default_rng(7).normal(size=(40_000, 5))
    nothing = np.zeros((40_000, 5))
    paths, _ = colour(noise, np.full(40_000, 0.3), 0.8, nothing, nothing)
    lags = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    # 40,000 draws know a covariance of 0.09 within 0.0006.
    np.testing.assert_allclose(np.cov(paths.T), 0.09 * 0.8**lags, atol=0.003)
