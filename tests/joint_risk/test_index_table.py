"""Looking borrowers up in the grid, against computing each of them over all draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from tests.joint_risk.made_draws import made_draws

from comove.joint_risk.index_table import ChangeTable, IndexTable, cell_positions, grid
from comove.joint_risk.outlook import Outlook, event_probability, look_ahead

LOWEST, HIGHEST = ndtri(1e-5), ndtri(0.7)


def borrowers(outlook: Outlook, n: int = 300) -> tuple:
    rng = np.random.default_rng(3)
    region = rng.integers(0, len(outlook.regions) + 1, n)
    industry = rng.integers(0, len(outlook.industries) + 1, n)
    return region, industry, rng.uniform(LOWEST, HIGHEST, n)


@pytest.mark.parametrize("nu", [None, 4.0])
@pytest.mark.parametrize("spread", [0.3, 2.0])
def test_mean_probability_is_within_a_ten_thousandth(
    nu: float | None, spread: float
) -> None:
    outlook = look_ahead(made_draws(draws=300, nu=nu, spread=spread))
    region, industry, z = borrowers(outlook)
    table = IndexTable.build(outlook, LOWEST, HIGHEST)
    found = table.look_up(
        cell_positions(outlook, region, industry), z, np.full(300, 0.01)
    )
    direct = event_probability(outlook, region, industry, z)
    np.testing.assert_allclose(found.probability, direct.mean(axis=0), rtol=1e-4)


@pytest.mark.parametrize("nu", [None, 4.0])
def test_quantiles_over_draws_are_those_of_the_direct_computation(
    nu: float | None,
) -> None:
    outlook = look_ahead(made_draws(draws=1000, nu=nu))
    region, industry, z = borrowers(outlook)
    table = IndexTable.build(outlook, LOWEST, HIGHEST)
    found = table.look_up(
        cell_positions(outlook, region, industry), z, np.full(300, 0.01)
    )
    direct = event_probability(outlook, region, industry, z)
    for quantile, level in ((found.q05, 0.05), (found.q95, 0.95)):
        expected = np.quantile(direct, level, axis=0)
        np.testing.assert_allclose(quantile, expected, rtol=3e-3)


def test_share_above_the_pd_is_that_of_the_draws() -> None:
    outlook = look_ahead(made_draws(draws=400))
    region, industry, z = borrowers(outlook)
    direct = event_probability(outlook, region, industry, z)
    pd = direct.mean(axis=0) * np.random.default_rng(4).uniform(0.7, 1.4, len(z))
    table = IndexTable.build(outlook, LOWEST, HIGHEST)
    found = table.look_up(cell_positions(outlook, region, industry), z, pd)
    expected = (direct > pd).mean(axis=0)
    assert np.abs(found.above - expected).max() < 0.01


@pytest.mark.parametrize("nu", [None, 4.0])
def test_change_spreads_as_pairs_of_draws_do(nu: float | None) -> None:
    outlook = look_ahead(made_draws(draws=2000, nu=nu))
    before = look_ahead(made_draws(draws=1500, seed=2, nu=nu))
    region, industry, z = borrowers(outlook)
    z_before = z + np.random.default_rng(5).normal(0, 0.5, len(z))
    ranges = (z.min(), z.max()), (z_before.min(), z_before.max())
    table = ChangeTable.build(outlook, before, ranges, seed=1)
    q05, q95 = table.look_up(cell_positions(outlook, region, industry), z, z_before)

    now = event_probability(outlook, region, industry, z)
    then = event_probability(before, region, industry, z_before)
    # The pairing is documented: permutations of the two, this month's first.
    rng = np.random.default_rng(1)
    first, second = rng.permutation(2000)[:1500], rng.permutation(1500)
    ratio = now[first] / then[second]
    change = now.mean(axis=0) / then.mean(axis=0)
    for factor, level in ((q05, 0.05), (q95, 0.95)):
        expected = np.quantile(ratio, level, axis=0)
        np.testing.assert_allclose(change * factor, expected, rtol=0.01)


def test_change_matches_groups_by_name() -> None:
    """The previous posterior knows one region less: its cells are of one never seen."""
    outlook = look_ahead(made_draws(draws=1, regions=3, spread=0.0))
    before = look_ahead(made_draws(draws=1, regions=2, spread=0.0))
    table = ChangeTable.build(outlook, before, ((-3, 0), (-3, 0)), seed=1)
    # One draw: no spread, whatever is paired.
    np.testing.assert_allclose(table.q05, 0.0, atol=1e-6)
    assert len(table.q05) == 4 * 3


def test_certain_impossible_and_unknown_margins() -> None:
    outlook = look_ahead(made_draws(draws=20))
    table = IndexTable.build(outlook, -3.0, 0.0)
    z = ndtri([0.0, 1.0, np.nan])
    found = table.look_up(np.zeros(3, np.int64), z, np.array([0.0, 1.0, 0.1]))
    for values in (found.probability, found.q05, found.q95):
        np.testing.assert_array_equal(values, [0.0, 1.0, np.nan])


def test_a_grid_covers_its_range_and_stops_at_eight() -> None:
    points = grid(-3.1, -0.2, 0.5)
    assert points[0] <= -3.1 - 0.4
    assert points[-1] >= 0.3
    assert np.abs(grid(-50, 50, 0.5)).max() == 8.5
    assert len(grid(-2.0, -2.0, 0.5)) >= 4


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 2.0))
def test_a_higher_margin_is_never_a_lower_probability(seed: int, spread: float) -> None:
    outlook = look_ahead(made_draws(draws=30, seed=seed, spread=spread))
    z = np.linspace(-5, 1, 200)
    table = IndexTable.build(outlook, -5.0, 1.0)
    found = table.look_up(np.zeros(200, np.int64), z, np.full(200, 0.01))
    assert (np.diff(found.probability) >= 0).all()
    assert (found.q05 <= found.q95).all()
