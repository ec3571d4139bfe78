"""Binomial numbers, against scipy's law."""

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray
from scipy.stats import binom, chisquare

from comove.joint_risk.loss_simulation import binomial


@njit
def drawn(n: int, p: float, size: int) -> NDArray[np.int64]:
    np.random.seed(4)
    found = np.empty(size, np.int64)
    for i in range(size):
        found[i] = binomial(n, p)
    return found


@pytest.mark.parametrize(
    ("n", "p"),
    [
        (1, 0.3),
        (7, 0.5),
        (40, 0.02),
        (1000, 0.0099),
        (1000, 0.0101),
        (25, 0.45),
        (500, 0.2),
        (100_000, 0.013),
        (60, 0.9),
        (300, 0.97),
    ],
)
def test_counts_follow_the_binomial_law(n: int, p: float) -> None:
    found = drawn(n, p, 200_000)
    edges = np.unique(binom.ppf(np.linspace(0.001, 0.999, 30), n, p)).astype(int)
    which = np.searchsorted(edges, found, side="left")
    cdf = np.concatenate([[0.0], binom.cdf(edges, n, p), [1.0]])
    expected = np.diff(cdf) * len(found)
    observed = np.bincount(which, minlength=len(edges) + 1)
    kept = expected > 5
    total = observed[kept].sum() / expected[kept].sum()
    assert chisquare(observed[kept], expected[kept] * total).pvalue > 1e-3


@pytest.mark.parametrize(("p", "count"), [(0.0, 0), (1.0, 50)])
def test_impossible_and_certain_events(p: float, count: int) -> None:
    assert (drawn(50, p, 10) == count).all()
    assert (drawn(0, p, 10) == 0).all()
