"""Factors drawn from what was sampled: they add up, and follow their law."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.joint_risk.simulated_panel import Design, ar1

from comove.joint_risk.draws import Draws
from comove.joint_risk.recovery import Sampled, recover

FloatArray = NDArray[np.float64]

DRAWS, MONTHS = 20_000, 4
NATIONAL = 0.25
LOADING = {"region": np.array([0.1, 0.2, 0.3]), "industry": np.array([0.15, 0.25])}
PHI = {"national": 0.8, "region": 0.3, "industry": 0.6}
OFFSET = {"region": np.array([0.1, -0.05, 0.0]), "industry": np.array([0.02, 0.08])}
SHARE = {"region": np.array([0.5, 0.3, 0.2]), "industry": np.array([0.4, 0.6])}
DESIGN = Design(regions=3, industries=2, months=MONTHS)


@dataclass(frozen=True)
class World:
    """Factors from their priors, what a sampler stores of them, and what is recovered."""

    national: FloatArray
    effect: dict[str, FloatArray]
    sampled: dict[str, FloatArray]
    found: Draws


def everywhere(value: FloatArray | float) -> FloatArray:
    return np.broadcast_to(value, (DRAWS, *np.shape(value))).copy()


def world(own_paths: tuple[str, ...]) -> World:
    rng = np.random.default_rng(1)
    national = ar1(rng, PHI["national"], DRAWS, MONTHS)
    sampled = {
        "loading_national": everywhere(NATIONAL),
        "phi_national": everywhere(PHI["national"]),
    }
    level, effect = NATIONAL * national, {}
    for name, loading in LOADING.items():
        paths = ar1(rng, PHI[name], DRAWS * len(loading), MONTHS)
        effect[name] = loading[:, None] * paths.reshape(DRAWS, len(loading), MONTHS)
        total = effect[name] + OFFSET[name][:, None]
        mean = np.einsum("g,dgt->dt", SHARE[name], total)
        if name in own_paths:
            mean = np.zeros_like(mean)
            sampled[f"{name}_own"] = effect[name]
        level = level + mean
        sampled |= {
            f"loading_{name}": everywhere(loading),
            f"phi_{name}": everywhere(PHI[name]),
            f"offset_{name}": everywhere(OFFSET[name]),
            f"{name}_effect": total - mean[:, None],
        }
    sampled["level"] = level
    found = recover(Sampled(sampled), **DESIGN.names, seed=2)
    return World(national, effect, sampled, found)


@pytest.fixture(
    scope="module",
    params=[(), ("industry",), ("region", "industry")],
    ids=["deviations", "one of each", "own paths"],
)
def recovered(request: pytest.FixtureRequest) -> World:
    return world(request.param)


def test_loadings_times_factors_are_the_effects_sampled(recovered: World) -> None:
    found, sampled = recovered.found, recovered.sampled
    region = found.loading_region[:, :, None] * found.region
    industry = found.loading_industry[:, :, None] * found.industry
    eta = (NATIONAL * found.national)[:, None, None] + (
        (region + found.offset_region[:, :, None])[:, :, None]
        + (industry + found.offset_industry[:, :, None])[:, None, :]
    )
    expected = sampled["level"][:, None, None] + (
        sampled["region_effect"][:, :, None] + sampled["industry_effect"][:, None, :]
    )
    np.testing.assert_allclose(eta, expected, atol=1e-10)


def all_paths(
    national: FloatArray, region: FloatArray, industry: FloatArray
) -> FloatArray:
    """One row per draw: six factors, four months each."""
    stacked = np.concatenate([national[:, None], region, industry], axis=1)
    return stacked.reshape(len(national), -1)


def test_factors_follow_their_law(recovered: World) -> None:
    """Independent AR(1) paths of unit variance, as they were before conditioning."""
    found = recovered.found
    covariance = np.cov(all_paths(found.national, found.region, found.industry).T)
    lags = np.abs(np.subtract.outer(np.arange(MONTHS), np.arange(MONTHS)))
    phis = [PHI["national"], *[PHI["region"]] * 3, *[PHI["industry"]] * 2]
    expected = np.zeros((6, MONTHS, 6, MONTHS))
    for place, phi in enumerate(phis):
        expected[place, :, place] = phi**lags
    # Standard error of a correlation of 20,000 draws: 0.007.
    np.testing.assert_allclose(covariance, expected.reshape(24, 24), atol=0.035)


def test_factors_go_with_what_was_seen_as_the_true_ones_do(recovered: World) -> None:
    true = all_paths(
        recovered.national,
        recovered.effect["region"] / LOADING["region"][:, None],
        recovered.effect["industry"] / LOADING["industry"][:, None],
    )
    found = recovered.found
    drawn = all_paths(found.national, found.region, found.industry)
    seen = recovered.sampled["level"] / recovered.sampled["level"].std()
    with_true = true.T @ (seen - seen.mean(axis=0)) / DRAWS
    with_drawn = drawn.T @ (seen - seen.mean(axis=0)) / DRAWS
    np.testing.assert_allclose(with_drawn, with_true, atol=0.035)


def test_paths_sampled_by_themselves_are_kept() -> None:
    given = world(("region", "industry"))
    for name, drawn in (
        ("region", given.found.region),
        ("industry", given.found.industry),
    ):
        expected = given.effect[name] / LOADING[name][:, None]
        np.testing.assert_allclose(drawn, expected, atol=1e-12)


def test_the_national_factor_alone_is_the_level() -> None:
    national = ar1(np.random.default_rng(3), 0.8, 50, MONTHS)
    sampled = {
        "loading_national": np.full(50, NATIONAL),
        "phi_national": np.full(50, 0.8),
        "level": NATIONAL * national,
    }
    found = recover(Sampled(sampled), **DESIGN.names, seed=2)
    np.testing.assert_allclose(found.national, national, atol=1e-10)
    assert not found.loading_region.any()
    assert not found.region.any()


def test_the_seed_decides_the_draws() -> None:
    given = world(())
    again = recover(Sampled(given.sampled), **DESIGN.names, seed=2)
    other = recover(Sampled(given.sampled), **DESIGN.names, seed=3)
    np.testing.assert_array_equal(again.national, given.found.national)
    assert (other.national != again.national).any()
