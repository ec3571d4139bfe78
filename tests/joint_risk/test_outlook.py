"""The law of a month ahead, against simulation of the factors."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri
from tests.joint_risk.made_draws import made_draws

from comove.joint_risk.draws import Draws
from comove.joint_risk.outlook import event_probability, look_ahead


def simulated_share(
    draws: Draws, region: int, industry: int, pd: float, months: int = 1
) -> float:
    """Simulate latent variables of the model as the brief states it, from one draw."""
    rng, n = np.random.default_rng(11), 2_000_000
    latent = np.zeros(n)
    squares = 0.0
    for loading, phi, last, offset in (
        (draws.loading_national[0], draws.phi_national[0], draws.national[0, -1], 0.0),
        (
            draws.loading_region[0, region],
            draws.phi_region[0],
            draws.region[0, region, -1],
            draws.offset_region[0, region],
        ),
        (
            draws.loading_industry[0, industry],
            draws.phi_industry[0],
            draws.industry[0, industry, -1],
            draws.offset_industry[0, industry],
        ),
    ):
        factor = np.full(n, last)
        for _ in range(months):
            factor = phi * factor + np.sqrt(1 - phi**2) * rng.normal(size=n)
        latent += offset + loading * factor
        squares += loading**2
    latent += np.sqrt(1 - squares) * rng.normal(size=n)
    if draws.nu is None:
        return float((latent > -ndtri(pd)).mean())
    nu = draws.nu[0]
    c = np.sqrt(rng.chisquare(nu, n) / nu)
    from scipy.stats import t

    return float((latent / c > -t.ppf(pd, nu)).mean())


@pytest.mark.parametrize("nu", [None, 4.0])
@pytest.mark.parametrize("months", [1, 3])
def test_probability_is_the_share_of_simulated_events(
    nu: float | None, months: int
) -> None:
    draws = made_draws(draws=1, nu=nu)
    outlook = look_ahead(draws, months)
    at = np.array([1]), np.array([0])
    found = float(event_probability(outlook, *at, ndtri([0.03]))[0, 0])
    share = simulated_share(draws, 1, 0, 0.03, months)
    assert found == pytest.approx(share, abs=4 * np.sqrt(found / 2_000_000))


def test_far_ahead_the_margin_comes_back() -> None:
    draws = made_draws(draws=5)
    draws = replace(
        draws, offset_region=np.zeros((5, 3)), offset_industry=np.zeros((5, 2))
    )
    found = event_probability(
        look_ahead(draws, 600), np.array([0, 2]), np.array([1, 1]), ndtri([0.01, 0.2])
    )
    np.testing.assert_allclose(found, np.tile([0.01, 0.2], (5, 1)), rtol=1e-6)


def test_variances_add_up_to_one_less_what_is_known() -> None:
    draws = made_draws(draws=4)
    outlook = look_ahead(draws)
    known = (
        (draws.loading_national * draws.phi_national) ** 2
        + (draws.loading_region[:, 2] * draws.phi_region) ** 2
        + (draws.loading_industry[:, 1] * draws.phi_industry) ** 2
    )
    np.testing.assert_allclose(outlook.variance[:, 2, 1], 1 - known)


def test_a_group_never_seen_has_no_effect_and_the_mean_loading() -> None:
    draws = made_draws(draws=4)
    outlook = look_ahead(draws)
    assert (outlook.mean_region[:, 3] == 0).all()
    mean_loading = draws.loading_region.mean(axis=1)
    np.testing.assert_allclose(outlook.shock_region[:, 3], mean_loading**2)
    known = (draws.loading_national * draws.phi_national) ** 2
    np.testing.assert_allclose(outlook.variance[:, 3, 2], 1 - known)


def test_names_are_placed_with_other_or_unseen_for_new_ones() -> None:
    draws = made_draws(draws=2)
    outlook = look_ahead(draws)
    names = np.array(["region 02", "Atlantis", "region 00"])
    assert outlook.place(names, "regions").tolist() == [2, 3, 0]
    merged = look_ahead(replace(draws, regions=("north", "other", "south")))
    assert merged.place(np.array(["Atlantis", "south"]), "regions").tolist() == [1, 2]


def test_one_effect_only_takes_everybody() -> None:
    outlook = look_ahead(replace(made_draws(draws=2, industries=1), industries=("all",)))
    assert outlook.place(np.array(["any", "all"]), "industries").tolist() == [0, 0]


def test_certain_impossible_and_unknown_margins() -> None:
    zero = np.zeros(3, np.int64)
    for nu in (None, 5.0):
        outlook = look_ahead(made_draws(draws=2, nu=nu))
        found = event_probability(outlook, zero, zero, ndtri([0.0, 1.0, np.nan]))
        np.testing.assert_array_equal(found[0], [0.0, 1.0, np.nan])
