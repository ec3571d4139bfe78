"""The fused likelihood against scipy, and its gradient against differences."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import log_ndtr
from scipy.stats import binom, norm
from tests.joint_risk.differences import differences

from comove.joint_risk.kernel import count_log_likelihood, expected_information

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Two regions, two industries, three months, a few cells in each."""

    z: FloatArray
    level: FloatArray
    region: FloatArray
    industry: FloatArray
    sigma: FloatArray
    scale: FloatArray
    counts: FloatArray
    groups: NDArray[np.int64]

    @property
    def standardised(self) -> FloatArray:
        """The argument of Phi, cell by cell."""
        found = np.empty_like(self.z)
        for r, s, t, start, stop in self.groups:
            eta = self.level[t] + self.region[r, t] + self.industry[s, t]
            cells = slice(start, stop)
            found[cells] = (self.scale[t] * self.z[cells] + eta) / self.sigma[r, s]
        return found

    def likelihood(self, **changes: FloatArray) -> tuple[float, ...]:
        one = replace(self, **changes)
        effects = one.level, one.region, one.industry, one.sigma
        found: tuple[float, ...] = count_log_likelihood(
            one.groups, one.counts, one.z, *effects, one.scale
        )
        return found


def case(seed: int = 0, margin: float = -2.3) -> Case:
    rng = np.random.default_rng(seed)
    r, s, t = (one.ravel() for one in np.indices((2, 2, 3)))
    starts = np.cumsum([0, *rng.integers(1, 4, len(r))])
    z = rng.normal(margin, 0.5, starts[-1])
    n = rng.integers(1, 500, len(z))
    return Case(
        z=z,
        level=rng.normal(0, 0.3, 3),
        region=rng.normal(0, 0.2, (2, 3)),
        industry=rng.normal(0, 0.2, (2, 3)),
        sigma=rng.uniform(0.7, 1.0, (2, 2)),
        scale=rng.uniform(0.8, 1.2, 3),
        counts=np.stack([n, rng.binomial(n, 0.05)]).astype(float),
        groups=np.column_stack([r, s, t, starts[:-1], starts[1:]]),
    )


def test_likelihood_is_scipys() -> None:
    given = case()
    n, events = given.counts
    x = given.standardised
    found = given.likelihood()[0]
    assert found == pytest.approx(
        (events * log_ndtr(x) + (n - events) * log_ndtr(-x)).sum(), abs=1e-5
    )


def test_likelihood_differs_from_the_binomials_by_its_coefficients_only() -> None:
    one, other = case(), replace(case(), level=np.zeros(3))
    binomials = [
        binom(given.counts[0], norm.cdf(given.standardised)).logpmf(given.counts[1]).sum()
        for given in (one, other)
    ]
    found = one.likelihood()[0] - other.likelihood()[0]
    assert found == pytest.approx(binomials[0] - binomials[1], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "output"),
    [("z", 1), ("level", 2), ("region", 3), ("industry", 4), ("sigma", 5), ("scale", 6)],
)
def test_gradient_is_that_of_the_value(name: str, output: int) -> None:
    given = case()
    by_differences = differences(
        lambda at: given.likelihood(**{name: at})[0], getattr(given, name), 1e-5
    )
    np.testing.assert_allclose(
        given.likelihood()[output], by_differences, rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize("x", [-60.0, -40.01, -39.99, -8.0, 0.0, 8.99, 9.01, 50.0])
def test_tails_are_exact_where_probabilities_underflow(x: float) -> None:
    found = Case(
        z=np.array([x]),
        level=np.zeros(1),
        region=np.zeros((1, 1)),
        industry=np.zeros((1, 1)),
        sigma=np.ones((1, 1)),
        scale=np.ones(1),
        counts=np.ones((2, 1)),
        groups=np.array([[0, 0, 0, 0, 1]]),
    ).likelihood()
    # Beyond the table: the first term of the tail's expansion, 1/x^2 = 0.06 % off.
    assert found[0] == pytest.approx(log_ndtr(x), rel=1e-6, abs=1e-9)
    slope = np.exp(norm.logpdf(x) - log_ndtr(x))
    assert found[1][0] == pytest.approx(slope, rel=1e-3, abs=1e-9)


def test_information_is_the_curvature_to_expect() -> None:
    """Minus the second derivative, at expected instead of observed counts."""
    one = replace(case(), scale=np.ones(3))
    expected = one.counts[0] * norm.cdf(one.standardised)
    one = replace(one, counts=np.stack([one.counts[0], expected]))
    step = 1e-4
    by_month = [
        (
            one.likelihood(level=one.level - step * unit)[2]
            - one.likelihood(level=one.level + step * unit)[2]
        ).sum()
        / (2 * step)
        for unit in np.eye(3)
    ]
    effects = one.level, one.region, one.industry, one.sigma
    found = expected_information(one.groups, one.counts, one.z, *effects)
    np.testing.assert_allclose(np.bincount(one.groups[:, 2], found), by_month, rtol=1e-4)


def test_what_is_not_a_number_gives_no_number() -> None:
    one = case()
    assert np.isnan(one.likelihood(level=np.full(3, np.nan))[0])


def test_cells_beyond_the_table_are_evaluated_with_the_others() -> None:
    one = case()
    far = np.where(np.arange(len(one.z)) == 0, -60.0, one.z)
    found = one.likelihood(z=far)[0]
    x = replace(one, z=far).standardised
    events, others = one.counts[1], one.counts[0] - one.counts[1]
    expected = events @ log_ndtr(x) + others @ log_ndtr(-x)
    assert found == pytest.approx(expected, rel=1e-6)
