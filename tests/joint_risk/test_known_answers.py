"""Fits against estimators from elsewhere, and copulas against each other out of time."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import logsumexp, ndtr, ndtri, stdtrit
from scipy.stats import multivariate_normal
from tests.joint_risk.simulated_panel import Design, count, planted
from tests.joint_risk.test_fit_gate import GOOD

from comove.joint_risk.draws import Draws
from comove.joint_risk.evidence import ThresholdEvidence
from comove.joint_risk.fit_gate import why_refused
from comove.joint_risk.panel import Panel
from comove.joint_risk.sampler import Posterior, Sampler, Variant
from comove.settings import Settings

FloatArray = NDArray[np.float64]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

# One series of default rates: large, so that its factor is seen nearly without error.
SERIES = Design(1, 1, months=60, borrowers=200_000, margins=(0.01,))
# The t copula shows in how far months are from each other at different margins.
TAILS = Design(2, 2, months=48, borrowers=200_000, margins=(0.002, 0.01, 0.05))
# What the gate of a fit looks at.
GATED = ("r_hat", "ess_bulk", "ess_tail", "divergences", "bfmi")
SINGLE = {
    "gaussian": Variant(factors="single"),
    "student_t": Variant("student_t", "single"),
}


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(Settings(joint_tune=300, joint_draws=500))


def moment_estimate(panel: Panel) -> float:
    """Asset correlation from the variance of default rates (Gordy, 2000).

    E[p^2] = Phi2(z, z; rho), z the quantile of the mean rate; binomial sampling is
    taken off the mean square.
    """
    n, rate = panel.n[0], panel.events / panel.n
    square = np.mean((rate**2 * n - rate) / (n - 1))
    z = np.full(2, ndtri(rate.mean()))

    def excess(rho: float) -> float:
        law = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
        return float(law.cdf(z) - square)

    return float(brentq(excess, 1e-4, 0.5))


def likelihood_estimate(panel: Panel) -> float:
    """Asset correlation by maximum likelihood of Vasicek's (2002) distribution.

    Of a large portfolio Phi^-1(rate) = (z + l f) / sigma; f is an AR(1) here.
    """
    seen, z = ndtri(panel.events / panel.n), ndtri(panel.pd[0])

    def negative(at: FloatArray) -> float:
        loading, phi = ndtr(at)
        sigma = np.sqrt(1 - loading**2)
        factor = (sigma * seen - z) / loading
        innovation = (factor[1:] - phi * factor[:-1]) / np.sqrt(1 - phi**2)
        squares = factor[0] ** 2 + (innovation**2).sum()
        jacobian = len(seen) * np.log(sigma / loading)
        return float(
            0.5 * squares + 0.5 * (len(seen) - 1) * np.log(1 - phi**2) - jacobian
        )

    found = minimize(negative, ndtri([0.2, 0.5]), method="Nelder-Mead")
    return float(ndtr(found.x[0]) ** 2)


@pytest.mark.parametrize(("loading", "seed"), [(0.2, 1), (0.3, 2), (0.4, 3)])
def test_one_factor_agrees_with_moments_and_maximum_likelihood(
    sampler: Sampler, loading: float, seed: int
) -> None:
    truth = planted(SERIES, seed, national=loading, region=0, industry=0, phi=0.3)
    panel = count(truth, SERIES, seed)
    found = sampler.fit(ThresholdEvidence(panel), SINGLE["gaussian"]).draws
    low, high = np.quantile(found.loading_national**2, [0.05, 0.95])
    assert low < likelihood_estimate(panel) < high
    assert low < moment_estimate(panel) < high
    assert low < loading**2 < high


def planted_series(seed: int, nu: float | None) -> tuple[Draws, Panel]:
    truth = planted(TAILS, seed, national=0.25, region=0, industry=0, phi=0.7, nu=nu)
    return truth, count(truth, TAILS, seed)


def next_month_events(truth: Draws, seed: int, months: int) -> FloatArray:
    """Events of many possible next months, shape (months, margins)."""
    rng = np.random.default_rng([seed, 2])
    p = next_month_probability(truth, rng, months)
    return rng.binomial(TAILS.borrowers // 3, p).astype(float)


def next_month_probability(
    draws: Draws, rng: np.random.Generator, times: int
) -> FloatArray:
    """Of each draw, `times` simulated months; shape (draws * times, margins)."""
    repeated = draws.take(np.repeat(np.arange(draws.count), times))
    phi, loading = repeated.phi_national, repeated.loading_national
    factor = phi * repeated.national[:, -1]
    factor = factor + np.sqrt(1 - phi**2) * rng.normal(size=len(phi))
    pd = np.array(TAILS.margins)
    if repeated.nu is None:
        z = np.broadcast_to(ndtri(pd), (len(phi), 3))
    else:
        scale = np.sqrt(rng.chisquare(repeated.nu) / repeated.nu)
        z = scale[:, None] * stdtrit(repeated.nu[:, None], pd)
    sigma = np.sqrt(1 - loading**2)[:, None]
    found = ndtr((z + (loading * factor)[:, None]) / sigma)
    return np.asarray(np.clip(found, 1e-12, 1 - 1e-12))


def log_score(draws: Draws, events: FloatArray, seed: int) -> float:
    """Mean log probability of next months, up to the binomial coefficients."""
    p = next_month_probability(draws, np.random.default_rng([seed, 3]), 60)
    n = TAILS.borrowers // 3
    each = events @ np.log(p).T + (n - events) @ np.log1p(-p).T
    return float(np.mean(logsumexp(each, axis=1) - np.log(len(p))))


@pytest.fixture(scope="module")
def student_fits() -> dict[int, Posterior]:
    """Fits of five portfolios with nu = 6, sampled until they pass the gate."""
    patient = Sampler(Settings(joint_tune=500, joint_draws=5000))
    return {
        seed: patient.fit(
            ThresholdEvidence(planted_series(seed, nu=6.0)[1]), SINGLE["student_t"]
        )
        for seed in range(1, 6)
    }


def test_student_t_data_are_recognised(student_fits: dict[int, Posterior]) -> None:
    """If intervals of 98 % are right, two of five miss the truth 4 in 1,000 times."""
    found = 0
    for fit in student_fits.values():
        quality = {name: getattr(fit.quality, name) for name in GATED}
        assert why_refused(Settings(), replace(GOOD, **quality)) is None
        assert fit.draws.nu is not None
        low, high = np.quantile(fit.draws.nu, [0.01, 0.99])
        assert high < 12
        found += low < 6.0 < high
    assert found >= 4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_student_t_data_are_predicted_better_by_it(
    sampler: Sampler, student_fits: dict[int, Posterior], seed: int
) -> None:
    truth, panel = planted_series(seed, nu=6.0)
    student = student_fits[seed].draws.thinned(1000)
    gaussian = sampler.fit(ThresholdEvidence(panel), SINGLE["gaussian"]).draws
    events = next_month_events(truth, seed, 200)
    assert log_score(student, events, seed) > log_score(gaussian, events, seed) + 1


@pytest.mark.parametrize("seed", [1, 2])
def test_gaussian_data_are_not_predicted_better_by_student_t(
    sampler: Sampler, seed: int
) -> None:
    truth, panel = planted_series(seed, nu=None)
    evidence = ThresholdEvidence(panel)
    student = sampler.fit(evidence, SINGLE["student_t"]).draws
    gaussian = sampler.fit(evidence, SINGLE["gaussian"]).draws
    assert student.nu is not None
    assert np.median(student.nu) > 30
    events = next_month_events(truth, seed, 200)
    assert log_score(gaussian, events, seed) > log_score(student, events, seed) - 0.02
