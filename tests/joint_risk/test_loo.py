"""Leaving groups out, against scipy's distributions and an exact leave-one-out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats import beta, betabinom, binom, multinomial, t
from tests.joint_risk.made_draws import made_draws

from comove.joint_risk.draws import Draws
from comove.joint_risk.loo import compare, leave_one_out, loo_table
from comove.joint_risk.panel import OrdinalPanel, Panel
from comove.joint_risk.pointwise import pointwise_log_likelihood


def panel_of(draws: Draws, n: int = 500, bands: int = 3, seed: int = 4) -> Panel:
    """Counts drawn from the first draw."""
    shape = len(draws.regions), len(draws.industries), len(draws.months), bands
    r, s, m, b = (one.ravel() for one in np.indices(shape))
    pd = np.geomspace(0.01, 0.1, bands)[b]
    p = probabilities(draws.take(np.array([0])), r, s, m, pd)[0]
    events = np.random.default_rng(seed).binomial(n, p)
    counts = np.full(len(r), n), events
    return Panel(draws.regions, draws.industries, draws.months, r, s, m, pd, *counts)


def probabilities(
    draws: Draws,
    r: np.ndarray,
    s: np.ndarray,
    m: np.ndarray,
    pd: np.ndarray,
    scale: float = 1.0,
) -> np.ndarray:
    """P(event) of each cell given each draw, as the class `Draws` says it."""
    eta = draws.loading_national[:, None] * draws.national[:, m]
    eta = eta + draws.loading_region[:, r] * draws.region[:, r, m]
    eta = eta + draws.loading_industry[:, s] * draws.industry[:, s, m]
    eta = eta + draws.offset_region[:, r] + draws.offset_industry[:, s]
    nu = draws.nu
    q = ndtri(pd) if nu is None else t.ppf(pd[None, :], nu[:, None])
    return np.asarray(ndtr((scale * q + eta) / np.sqrt(draws.sigma_squared[:, r, s])))


def by_group(panel: Panel, values: np.ndarray) -> np.ndarray:
    """Sums over the bands of a group; the panel of these tests is in their order."""
    return values.reshape(len(values), -1, 3).sum(axis=2)


def test_densities_are_those_of_binomials() -> None:
    draws = made_draws(draws=20)
    panel = panel_of(draws)
    p = probabilities(draws, panel.region, panel.industry, panel.month, panel.pd)
    expected = by_group(panel, binom.logpmf(panel.events, panel.n, p))
    found = pointwise_log_likelihood(panel, draws)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_densities_of_ordered_outcomes_are_those_of_multinomials() -> None:
    draws = made_draws(draws=100)
    shape = len(draws.regions), len(draws.industries), len(draws.months)
    r, s, m = (one.ravel() for one in np.indices(shape))
    counts = np.random.default_rng(3).multinomial(300, [0.7, 0.2, 0.07, 0.03], len(r))
    panel = OrdinalPanel(draws.regions, draws.industries, draws.months, r, s, m, counts)
    share_above = 1 - np.cumsum(counts.sum(axis=0))[:-1] / counts.sum()
    beyond = [probabilities(draws, r, s, m, np.full(len(r), p)) for p in share_above]
    edges = np.stack([np.ones_like(beyond[0]), *beyond, np.zeros_like(beyond[0])])
    expected = multinomial.logpmf(counts, 300, np.moveaxis(edges[:-1] - edges[1:], 0, -1))
    found = pointwise_log_likelihood(panel, draws)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    assert loo_table(panel, draws)["groups"] == len(r)


def test_scales_of_months_are_drawn_given_their_events() -> None:
    # One draw repeated: its months' scales come from a density that is known.
    draws = made_draws(draws=1, nu=4.0, months=2).take(np.zeros(4000, np.int64))
    panel = panel_of(draws, n=300)
    one = draws.take(np.array([0]))
    assert one.nu is not None
    u = np.linspace(-4, 1.5, 2001)
    places = panel.region, panel.industry, panel.month, panel.pd
    at = np.concatenate(
        [
            by_group(
                panel,
                binom.logpmf(
                    panel.events, panel.n, probabilities(one, *places, float(np.exp(x)))
                ),
            )
            for x in u
        ]
    )
    month = panel.groups[:, 2]
    log_prior = one.nu[0] * (u - 0.5 * np.exp(2 * u))
    found = pointwise_log_likelihood(panel, draws, seed=3)
    for k in range(2):
        log_weight = log_prior + at[:, month == k].sum(axis=1)
        weight = np.exp(log_weight - logsumexp(log_weight))
        total = at[:, month == k].sum(axis=1)
        drawn = found[:, month == k].sum(axis=1)
        mean = weight @ total
        spread = np.sqrt(weight @ (total - mean) ** 2)
        assert drawn.mean() == pytest.approx(mean, abs=5 * spread / np.sqrt(4000))
        assert drawn.std() == pytest.approx(spread, rel=0.15)


def test_leaving_out_agrees_with_the_exact_answer_of_a_conjugate_model() -> None:
    """Every group has a probability of its own with a beta posterior, nothing shared.

    Leaving one out leaves its prior, so the density is a beta-binomial. Probabilities
    are given to the model as national factors of as many months.
    """
    months, n, prior = 40, 50, (20.0, 60.0)
    random = np.random.default_rng(2)
    events = random.binomial(n, beta.rvs(*prior, size=months, random_state=random))
    p = beta.rvs(
        prior[0] + events, prior[1] + n - events, size=(4000, months), random_state=random
    )
    loading, pd = 0.5, 0.25
    eta = ndtri(p) * np.sqrt(1 - loading**2) - ndtri(pd)
    calm = made_draws(draws=4000, regions=1, industries=1, months=months, sectors=False)
    draws = replace(calm, loading_national=np.full(4000, loading), national=eta / loading)
    zeros, at = np.zeros(months, np.int64), np.arange(months)
    panel = Panel(
        draws.regions,
        draws.industries,
        draws.months,
        zeros,
        zeros,
        at,
        np.full(months, pd),
        np.full(months, n),
        events,
    )
    exact = betabinom.logpmf(events, n, *prior).sum()
    found = leave_one_out(panel, draws)
    assert found.total == pytest.approx(exact, abs=0.03 * abs(exact))
    assert found.log_density.sum() > found.total


def test_the_model_that_made_the_counts_is_the_better_one() -> None:
    draws = made_draws(draws=300, spread=0.2, months=12)
    alone = replace(
        draws,
        loading_region=np.zeros_like(draws.loading_region),
        loading_industry=np.zeros_like(draws.loading_industry),
    )
    panel = panel_of(draws)
    table = compare(panel, {"factor_copula": draws, "single_factor": alone})
    by_model = table.set_index("model")
    assert by_model.elpd_difference["factor_copula"] == 0
    lost = by_model.loc["single_factor"]
    assert lost.elpd_difference < -2 * lost.elpd_difference_se
    assert by_model.elpd_loo.diff().iloc[1] == pytest.approx(lost.elpd_difference)


def test_a_summary_counts_groups_and_parameters() -> None:
    draws = made_draws(draws=400, spread=0.1)
    panel = panel_of(draws)
    found = loo_table(panel, draws)
    assert found["groups"] == 3 * 2 * 4
    assert 0 <= found["pareto_k_above"] <= 1
    # No more parameters than a factor for each region, industry and month, and statics.
    assert 0 < found["p_loo"] < 60
    assert found["elpd_loo_se"] > 0


def test_nothing_to_compare_is_an_empty_table() -> None:
    draws = made_draws(draws=2)
    assert compare(panel_of(draws), {}).empty
