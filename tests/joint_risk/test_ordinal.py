"""The ordinal likelihood against multinomials, and its gradient against differences."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multinomial, norm
from tests.joint_risk.differences import differences

from comove.joint_risk.ordinal import ordinal_information, ordinal_log_likelihood

FloatArray = NDArray[np.float64]
PLACES = np.column_stack(
    [*(one.ravel() for one in np.indices((2, 2, 3))), np.arange(12), np.arange(1, 13)]
)
THRESHOLDS = np.array([-0.5, 0.7, 1.9])


def effects(seed: int) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    return {
        "level": rng.normal(0, 0.3, 3),
        "region": rng.normal(0, 0.2, (2, 3)),
        "industry": rng.normal(0, 0.2, (2, 3)),
        "sigma": rng.uniform(0.7, 1.0, (2, 2)),
    }


def shares(given: dict[str, FloatArray]) -> FloatArray:
    """Probability of each category in each group."""
    r, s, t = PLACES[:, :3].T
    eta = given["level"][t] + given["region"][r, t] + given["industry"][s, t]
    edges = np.r_[-np.inf, THRESHOLDS, np.inf]
    x = (edges - eta[:, None]) / given["sigma"][r, s][:, None]
    return np.diff(norm.cdf(x), axis=1)


COUNTS = np.random.default_rng(1).multinomial(200, [0.3, 0.4, 0.25, 0.05], 12)


def likelihood(given: dict[str, FloatArray]) -> tuple[float, ...]:
    counts = COUNTS.astype(float)
    found: tuple[float, ...] = ordinal_log_likelihood(
        PLACES, counts, THRESHOLDS, *given.values()
    )
    return found


def test_likelihood_differs_from_multinomials_by_their_coefficients_only() -> None:
    one, other = effects(1), effects(2)
    expected = [
        sum(
            multinomial(200, p).logpmf(row)
            for row, p in zip(COUNTS, shares(given), strict=True)
        )
        for given in (one, other)
    ]
    found = likelihood(one)[0] - likelihood(other)[0]
    assert found == pytest.approx(expected[0] - expected[1])


@pytest.mark.parametrize(
    ("name", "output"), [("level", 1), ("region", 2), ("industry", 3), ("sigma", 4)]
)
def test_gradient_is_that_of_the_value(name: str, output: int) -> None:
    given = effects(1)
    by_differences = differences(
        lambda at: likelihood(given | {name: at})[0], given[name], 1e-5
    )
    np.testing.assert_allclose(
        likelihood(given)[output], by_differences, rtol=1e-6, atol=1e-5
    )


def test_information_is_the_curvature_to_expect() -> None:
    """Minus the second derivative, at expected instead of observed counts."""
    given = effects(1)
    expected = 200 * shares(given)

    def slope(at: FloatArray) -> FloatArray:
        moved = given | {"level": at}
        found: FloatArray = ordinal_log_likelihood(
            PLACES, expected, THRESHOLDS, *moved.values()
        )[1]
        return found

    step = 1e-5
    by_month = [
        (slope(given["level"] - step * unit) - slope(given["level"] + step * unit)).sum()
        / (2 * step)
        for unit in np.eye(3)
    ]
    found = ordinal_information(PLACES, expected, THRESHOLDS, *given.values())
    np.testing.assert_allclose(np.bincount(PLACES[:, 2], found), by_month, rtol=1e-5)


def test_an_impossible_category_keeps_the_likelihood_finite() -> None:
    given = effects(1) | {"level": np.full(3, -60.0)}
    assert all(np.isfinite(one).all() for one in likelihood(given))
