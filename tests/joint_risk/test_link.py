"""Links between borrowers, against scipy and against simulated pairs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import multivariate_normal
from tests.joint_risk.made_draws import made_draws

from comove.joint_risk.draws import Draws
from comove.joint_risk.link import EventLinker, cell_links
from comove.joint_risk.outlook import event_probability, look_ahead

SIMULATED = 4_000_000


def shared_variance(draws: Draws, d: int, a: tuple, b: tuple) -> float:
    shared = draws.loading_national[d] ** 2 * (1 - draws.phi_national[d] ** 2)
    if a[0] == b[0]:
        shared += draws.loading_region[d, a[0]] ** 2 * (1 - draws.phi_region[d] ** 2)
    if a[1] == b[1]:
        phi = draws.phi_industry[d]
        shared += draws.loading_industry[d, a[1]] ** 2 * (1 - phi**2)
    return float(shared)


def direct_lift(draws: Draws, a: tuple, b: tuple, pd: np.ndarray) -> tuple:
    """Lift, and lifts of draws, with scipy's bivariate normal distribution."""
    outlook = look_ahead(draws)
    p = [
        event_probability(outlook, *np.array([[c[0]], [c[1]]]), ndtri([pd[c]]))[:, 0]
        for c in (a, b)
    ]
    both = np.empty(draws.count)
    for d in range(draws.count):
        spread = np.sqrt([outlook.variance[d][c] for c in (a, b)])
        bound = ndtri([p[0][d], p[1][d]])
        rho = shared_variance(draws, d, a, b) / spread.prod()
        law = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
        both[d] = law.cdf(bound)
    return both.mean() / (p[0].mean() * p[1].mean()), both / (p[0] * p[1])


PD = np.array([[0.01, 0.05], [0.02, 0.1], [0.03, 0.2]])


@pytest.mark.parametrize(
    ("a", "b"), [((0, 0), (0, 0)), ((0, 0), (0, 1)), ((1, 1), (2, 1)), ((0, 1), (2, 0))]
)
def test_lift_between_cells_is_that_of_the_bivariate_normal_law(
    a: tuple, b: tuple
) -> None:
    draws = made_draws(draws=60)
    table = cell_links(draws, PD).set_index(
        ["region_a", "industry_a", "region_b", "industry_b"]
    )
    names = [(draws.regions[c[0]], draws.industries[c[1]]) for c in (a, b)]
    row = table.loc[(*names[0], *names[1])]
    lift, of_draws = direct_lift(draws, a, b, PD)
    assert row["lift"] == pytest.approx(lift, rel=1e-6)
    assert row["lift_q05"] == pytest.approx(np.quantile(of_draws, 0.05), rel=1e-6)
    assert row["lift_q95"] == pytest.approx(np.quantile(of_draws, 0.95), rel=1e-6)
    assert row["probability_of_lift"] == 1.0
    unconditional = draws.loading_national**2
    if a[0] == b[0]:
        unconditional = unconditional + draws.loading_region[:, a[0]] ** 2
    if a[1] == b[1]:
        unconditional = unconditional + draws.loading_industry[:, a[1]] ** 2
    assert row["correlation_unconditional"] == pytest.approx(unconditional.mean())


def simulated_pairs(draws: Draws, a: tuple, b: tuple, pd: float) -> tuple:
    """Simulate both borrowers' latent variables from all draws; correlation and lift."""
    rng = np.random.default_rng(7)
    d = rng.integers(0, draws.count, SIMULATED)
    x = np.zeros((2, SIMULATED))

    def shock(phi: np.ndarray, last: np.ndarray) -> np.ndarray:
        return phi[d] * last[d] + np.sqrt(1 - phi[d] ** 2) * rng.normal(size=SIMULATED)

    x += draws.loading_national[d] * shock(draws.phi_national, draws.national[:, -1])
    groups = (
        (draws.loading_region, draws.phi_region, draws.region, draws.offset_region),
        (
            draws.loading_industry,
            draws.phi_industry,
            draws.industry,
            draws.offset_industry,
        ),
    )
    for axis, (loading, phi, path, offset) in enumerate(groups):
        factor = {g: shock(phi, path[:, g, -1]) for g in {a[axis], b[axis]}}
        for row, c in enumerate((a, b)):
            g = c[axis]
            x[row] += offset[d, g] + loading[d, g] * factor[g]
    for row, c in enumerate((a, b)):
        left = draws.sigma_squared[d, c[0], c[1]]
        x[row] += np.sqrt(left) * rng.normal(size=SIMULATED)
    if draws.nu is None:
        event = x > -ndtri(pd)
    else:
        from scipy.special import stdtrit

        nu = draws.nu[d]
        event = x / np.sqrt(rng.chisquare(nu) / nu) > -stdtrit(nu, pd)
    p = event.mean(axis=1)
    return np.corrcoef(x)[0, 1], event.all(axis=0).mean() / p.prod(), event


@pytest.mark.parametrize("nu", [None, 4.0])
def test_simulated_pairs_show_the_lift_and_the_correlation(nu: float | None) -> None:
    """Including what an uncertain state of the factors adds to both."""
    draws = made_draws(draws=50, nu=nu, spread=2.0)
    a, b = (0, 0), (0, 1)
    correlation, lift, event = simulated_pairs(draws, a, b, 0.05)
    row = cell_links(draws, np.full((3, 2), 0.05)).iloc[1]
    assert (row["region_b"], row["industry_b"]) == ("region 00", "industry 01")
    error = 1 / np.sqrt(event.all(axis=0).sum())
    assert row["lift"] == pytest.approx(lift, rel=4 * error)
    assert row["correlation"] == pytest.approx(correlation, abs=4 / np.sqrt(SIMULATED))


def test_every_ordered_pair_has_a_row_and_links_go_both_ways() -> None:
    table = cell_links(made_draws(draws=20), PD)
    assert len(table) == 36
    there = table.set_index(["region_a", "industry_a", "region_b", "industry_b"])["lift"]
    back = table.set_index(["region_b", "industry_b", "region_a", "industry_a"])["lift"]
    np.testing.assert_allclose(there.to_numpy(), back.loc[there.index].to_numpy())


def test_cells_without_borrowers_are_left_out() -> None:
    pd_star = PD.copy()
    pd_star[1, 0], pd_star[2, 1] = np.nan, 0.0
    assert len(cell_links(made_draws(draws=10), pd_star)) == 16


def test_without_any_loading_there_is_no_lift() -> None:
    draws = made_draws(draws=10, sectors=False)
    draws = replace(draws, loading_national=np.zeros(10))
    table = cell_links(draws, PD)
    np.testing.assert_allclose(table["lift"], 1.0)
    assert (table["probability_of_lift"] == 0).all()
    assert (table["correlation_unconditional"] == 0).all()


@pytest.mark.parametrize("nu", [None, 5.0])
def test_links_of_an_event_are_those_of_its_cell(nu: float | None) -> None:
    """An event at the cell's own margin, a debtor at the other's."""
    draws = made_draws(draws=80, nu=nu)
    linker = EventLinker(draws, made_draws(draws=80, nu=nu, seed=2))
    z = np.sort(ndtri(np.array([0.004, 0.02, 0.07, 0.3])))
    links = linker.links_from("region 00", "industry 01", 0.05, z)
    pd_star = np.full((3, 2), np.nan)
    pd_star[0, 1], pd_star[2, 1] = 0.05, 0.02
    row = cell_links(draws, pd_star).iloc[1]
    assert links.link_lift.shape == (4, 3, 4)
    assert links.link_lift[2, 1, 1] == pytest.approx(row["lift"], rel=1e-3)
    assert links.lift_q05[2, 1, 1] == pytest.approx(row["lift_q05"], rel=5e-3)
    assert links.lift_q95[2, 1, 1] == pytest.approx(row["lift_q95"], rel=5e-3)


def test_index_of_an_event_compares_with_the_month_before() -> None:
    draws, before = made_draws(draws=90), made_draws(draws=70, seed=2)
    linker = EventLinker(draws, before)
    z = np.linspace(-3, -1, 9)
    links = linker.links_from("region 00", "industry 01", 0.05, z)
    at = np.array([2]), np.array([0])
    now = event_probability(look_ahead(draws.thinned(70)), *at, z[[4]]).mean()
    then = event_probability(look_ahead(before), *at, z[[4]]).mean()
    expected = links.link_lift[2, 0, 4] * now
    assert links.joint_probability[2, 0, 4] == pytest.approx(expected, rel=1e-3)
    assert links.joint_risk_index[2, 0, 4] == pytest.approx(expected / then, rel=1e-3)
    assert (links.index_q05 < links.index_q95).all()


def test_a_debtor_in_the_same_groups_is_linked_the_most() -> None:
    linker = EventLinker(made_draws(draws=50, spread=0.0), made_draws(draws=50))
    links = linker.links_from("region 01", "industry 00", 0.02, np.array([-2.0]))
    lift = links.link_lift[:3, :2, 0]
    assert lift.max() == lift[1, 0]


def test_groups_never_seen_share_only_the_national_factor() -> None:
    """Whether event and debtor of two unknown regions are of one region is not known."""
    draws = made_draws(draws=50)
    linker = EventLinker(draws, draws)
    links = linker.links_from("Atlantis", "nothing", 0.02, np.array([-2.0]))
    loading = draws.loading_national * np.sqrt(1 - draws.phi_national**2)
    spread = np.sqrt(linker.outlook.variance[:, 3, 2])
    expected = np.empty(50)
    for d in range(50):
        rho = (loading[d] / spread[d]) ** 2
        mean = linker.outlook.mean_national[d]
        bound = (np.array([ndtri(0.02), -2.0]) + mean) / spread[d]
        both = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf(bound)
        expected[d] = both / np.prod(ndtr(bound))
    assert links.lift_q95[3, 2, 0] == pytest.approx(np.quantile(expected, 0.95), rel=1e-4)
