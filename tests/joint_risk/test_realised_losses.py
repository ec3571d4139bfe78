"""Months beyond the value at risk, on a lender simulated from a known factor model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom
from tests.joint_risk.made_draws import made_draws

from comove.joint_risk.draws import Draws
from comove.joint_risk.loss import simulated_losses
from comove.joint_risk.loss_groups import Book, LossGroups
from comove.settings import Settings

# Given the state of a month, what may happen in the next one is drawn so often: each is
# a trial of its own, beyond the month's VaR 99 with 1 % if that is right.
MONTHS, NEXT = 50, 30


def next_month(draws: Draws, rng: np.random.Generator) -> Draws:
    """The truth a month later: what `made_draws` knows, with the factors moved on."""
    moved = {}
    for name, phi in (
        ("national", draws.phi_national),
        ("region", draws.phi_region),
        ("industry", draws.phi_industry),
    ):
        path = getattr(draws, name)
        noise = np.sqrt(1 - phi[0] ** 2) * rng.normal(size=path.shape[:-1])
        moved[name] = np.repeat(phi[0] * path[..., -1:] + noise[..., None], 4, axis=-1)
    return replace(draws, **moved)


def realised(truth: Draws, book: Book, z: np.ndarray, rng: np.random.Generator) -> float:
    effect = (
        truth.loading_national[0] * truth.national[0, -1]
        + (truth.offset_region + truth.loading_region * truth.region[..., -1])[
            0, book.region
        ]
        + (truth.offset_industry + truth.loading_industry * truth.industry[..., -1])[
            0, book.industry
        ]
    )
    sigma = np.sqrt(truth.sigma_squared[0, book.region, book.industry])
    fallen = rng.random(len(z)) < ndtr((z + effect) / sigma)
    return float(0.45 * book.exposure[fallen].sum())


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("seed", [12, 13, 14])
def test_one_month_in_a_hundred_is_beyond_the_value_at_risk(
    tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    truth = made_draws(draws=1, spread=0.0, seed=seed)
    z = rng.normal(-2.2, 0.3, 4000)
    book = Book(
        rng.integers(0, 3, 4000),
        rng.integers(0, 2, 4000),
        ndtr(z),
        rng.lognormal(0, 0.8, 4000),
    )
    groups = LossGroups.gather(book)
    beyond = {"factor": 0, "independent": 0}
    for month in range(MONTHS):
        # The error of one simulation is not that of the next.
        settings = Settings(home=tmp_path, loss_simulations=4_000, seed=month)
        measures = simulated_losses(settings, truth, groups).measures
        var = measures.query("measure == 'var_99'").set_index("copula")["amount"]
        possible = [next_month(truth, rng) for _ in range(NEXT)]
        losses = np.array([realised(one, book, z, rng) for one in possible])
        truth = possible[0]
        for copula in beyond:
            beyond[copula] += int((losses > var[copula]).sum())
    low, high = binom.interval(0.99, MONTHS * NEXT, 0.01)
    assert 0 < low <= beyond["factor"] <= high
    assert beyond["independent"] > 4 * high
