"""Portfolio losses, against closed forms and against simulating every borrower."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import ks_2samp, multivariate_normal, norm
from tests.joint_risk.made_draws import made_draws

from comove.joint_risk.draws import Draws
from comove.joint_risk.loss import (
    Losses,
    loss_measures,
    portfolio_loss,
    simulated_losses,
    without_factors,
)
from comove.joint_risk.loss_groups import Book, LossError, LossGroups
from comove.joint_risk.loss_simulation import LossSimulation
from comove.joint_risk.outlook import event_probability, look_ahead
from comove.settings import Settings


def settings_of(tmp_path: Path, simulations: int = 20_000, **others: float) -> Settings:
    return Settings(home=tmp_path, loss_simulations=simulations, **others)


def amount(found: Losses, copula: str, measure: str) -> tuple[float, float]:
    rows = found.measures.set_index(["copula", "measure"])
    return tuple(rows.loc[(copula, measure)])


def one_factor(rho: float) -> Draws:
    """One draw of a national factor that forgets the past: next month's is N(0, 1)."""
    draws = made_draws(draws=1, regions=1, industries=1, sectors=False)
    return replace(
        draws, loading_national=np.array([np.sqrt(rho)]), phi_national=np.zeros(1)
    )


def fine_grained(n: int, pd_star: float) -> LossGroups:
    zero = np.zeros(n, np.int64)
    return LossGroups.gather(Book(zero, zero, np.full(n, pd_star), np.ones(n)))


def test_a_fine_grained_book_has_the_value_at_risk_of_vasicek(tmp_path: Path) -> None:
    """VaR = LGD Phi((Phi^-1(p) + sqrt(rho) Phi^-1(a)) / sqrt(1 - rho)), Vasicek 2002."""
    rho, p, n = 0.15, 0.02, 1_000_000
    found = simulated_losses(
        settings_of(tmp_path, 100_000), one_factor(rho), fine_grained(n, p)
    )
    for measure, level in (("var_99", 0.99), ("var_999", 0.999)):
        at = (ndtri(p) + np.sqrt(rho) * ndtri(level)) / np.sqrt(1 - rho)
        value, error = amount(found, "factor", measure)
        assert value == pytest.approx(0.45 * n * ndtr(at), abs=4 * error)
        assert error < 0.03 * value


def test_its_expected_shortfall_is_a_bivariate_probability(tmp_path: Path) -> None:
    """E(loss; factor beyond its 99 % quantile), integrated by scipy."""
    rho, p, n = 0.15, 0.02, 1_000_000
    found = simulated_losses(
        settings_of(tmp_path, 100_000), one_factor(rho), fine_grained(n, p)
    )
    root = np.sqrt(rho)
    law = multivariate_normal([0, 0], [[1, root], [root, 1]])
    both = law.cdf([ndtri(p), ndtri(0.01)])
    value, error = amount(found, "factor", "es_99")
    assert value == pytest.approx(0.45 * n * both / 0.01, abs=4 * error)


def test_independent_losses_are_normal_around_the_sum_of_margins(tmp_path: Path) -> None:
    p, n = 0.02, 100_000
    found = simulated_losses(settings_of(tmp_path), one_factor(0.15), fine_grained(n, p))
    deviation = 0.45 * np.sqrt(n * p * (1 - p))
    value, error = amount(found, "independent", "var_99")
    expected = 0.45 * n * p + deviation * norm.ppf(0.99)
    assert value == pytest.approx(expected, abs=4 * error + 0.45)
    value, error = amount(found, "independent", "expected")
    assert value == pytest.approx(0.45 * n * p, abs=4 * error)
    assert error == pytest.approx(deviation / np.sqrt(20_000), rel=0.03)


def lumpy_book(n: int, draws: Draws, seed: int = 5) -> Book:
    rng = np.random.default_rng(seed)
    return Book(
        rng.integers(0, len(draws.regions), n),
        rng.integers(0, len(draws.industries), n),
        np.exp(rng.uniform(np.log(0.005), np.log(0.2), n)),
        rng.lognormal(0, 1.2, n),
    )


def by_borrower(draws: Draws, book: Book, months: int, simulations: int) -> np.ndarray:
    """Simulate every borrower by himself, with numpy."""
    rng = np.random.default_rng(8)
    lost = np.empty(simulations)
    z = ndtri(book.margin)
    for i in range(simulations):
        d = rng.integers(draws.count)
        factors = [draws.national[d, None, -1], draws.region[d, :, -1]]
        factors.append(draws.industry[d, :, -1])
        phis = draws.phi_national[d], draws.phi_region[d], draws.phi_industry[d]
        fallen = np.zeros(len(z), bool)
        for _ in range(months):
            factors = [
                phi * f + np.sqrt(1 - phi**2) * rng.normal(size=f.shape)
                for phi, f in zip(phis, factors, strict=True)
            ]
            effect = draws.loading_national[d] * factors[0][0]
            effect = (
                effect
                + (draws.offset_region[d] + draws.loading_region[d] * factors[1])[
                    book.region
                ]
            )
            effect = (
                effect
                + (draws.offset_industry[d] + draws.loading_industry[d] * factors[2])[
                    book.industry
                ]
            )
            sigma = np.sqrt(draws.sigma_squared[d, book.region, book.industry])
            q, scale = z, 1.0
            if draws.nu is not None:
                q = stdtrit(draws.nu[d], book.margin)
                scale = np.sqrt(rng.chisquare(draws.nu[d]) / draws.nu[d])
            fallen |= effect + sigma * rng.normal(size=len(z)) > -scale * q
        lost[i] = book.exposure[fallen].sum()
    return lost


@pytest.mark.parametrize(
    ("nu", "months", "n"),
    [(None, 1, 300), (None, 3, 300), (4.0, 1, 300), (None, 1, 6000)],
)
def test_losses_are_distributed_as_those_of_single_borrowers(
    nu: float | None, months: int, n: int
) -> None:
    draws = made_draws(draws=25, nu=nu)
    book = lumpy_book(n, draws)
    simulation = LossSimulation(draws, LossGroups.gather(book), months, 40_000, seed=3)
    found = simulation.run().loss
    expected = by_borrower(draws, book, months, 6_000)
    assert ks_2samp(found, expected).pvalue > 0.005
    error = expected.std() / np.sqrt(len(expected))
    assert found.mean() == pytest.approx(expected.mean(), abs=4 * error)
    assert found.std() == pytest.approx(expected.std(), rel=0.08)


def test_contributions_add_up_to_the_measure(tmp_path: Path) -> None:
    draws = made_draws(draws=20)
    groups = LossGroups.gather(lumpy_book(2000, draws))
    found = simulated_losses(settings_of(tmp_path, 5_000), draws, groups)
    summed = found.cells.groupby(["copula", "measure"])["contribution"].sum()
    for copula in ("factor", "independent"):
        for measure in ("expected", "es_99"):
            value, _ = amount(found, copula, measure)
            assert summed[copula, measure] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(("nu", "months"), [(None, 1), (5.0, 1), (None, 3)])
def test_independence_is_the_same_book_at_the_same_probabilities(
    tmp_path: Path, nu: float | None, months: int
) -> None:
    # A bad state, so that margins and probabilities are far from each other.
    draws = made_draws(draws=20, nu=nu)
    draws = replace(draws, national=draws.national + 2.0)
    book = lumpy_book(3000, draws)
    settings = settings_of(tmp_path, 20_000, loss_horizon_months=months)
    found = simulated_losses(settings, draws, LossGroups.gather(book))
    joint, error = amount(found, "factor", "expected")
    alone, _ = amount(found, "independent", "expected")
    assert alone == pytest.approx(joint, abs=4 * error + 0.02 * (months - 1) * joint)
    assert alone > 1.2 * 0.45 * (book.margin * book.exposure).sum()
    var, _ = amount(found, "factor", "var_99")
    assert var > 1.1 * amount(found, "independent", "var_99")[0]


def test_expected_losses_of_independent_cells_are_their_probabilities(
    tmp_path: Path,
) -> None:
    draws = made_draws(draws=20)
    book = lumpy_book(3000, draws)
    found = simulated_losses(settings_of(tmp_path, 5_000), draws, LossGroups.gather(book))
    cells = found.cells.query("copula == 'independent' and measure == 'expected'")
    place = book.region, book.industry, ndtri(book.margin)
    probability = event_probability(look_ahead(draws), *place).mean(axis=0)
    for row in cells.itertuples():
        mine = book.region == draws.regions.index(row.region)
        mine &= book.industry == draws.industries.index(row.industry)
        expected = 0.45 * (probability * book.exposure)[mine].sum()
        assert row.contribution == pytest.approx(
            expected, abs=4 * row.mc_error + 0.002 * expected
        )


def test_errors_are_the_spread_over_repeated_simulations() -> None:
    rng = np.random.default_rng(2)
    repeated = [loss_measures(rng.lognormal(0, 1, 20_000)) for _ in range(200)]
    amounts = np.array([found["amount"] for found in repeated])
    errors = np.array([found["mc_error"] for found in repeated]).mean(axis=0)
    np.testing.assert_allclose(errors, amounts.std(axis=0), rtol=0.2)


def test_the_same_seed_gives_the_same_losses(tmp_path: Path) -> None:
    draws = made_draws(draws=10)
    groups = LossGroups.gather(lumpy_book(500, draws))
    first, second = (
        simulated_losses(settings_of(tmp_path, 2_000), draws, groups) for _ in range(2)
    )
    pd.testing.assert_frame_equal(first.measures, second.measures)


def test_a_book_is_read_with_its_groups_and_margins(tmp_path: Path) -> None:
    draws = made_draws(draws=5)
    file = tmp_path / "book.parquet"
    pd.DataFrame(
        {
            "region": ["region 01", "Atlantis", None],
            "industry": ["industry 00"] * 3,
            "pd": [0.1, 1.0, 0.0],
            "exposure": [10.0, 20.0, 30.0],
        }
    ).to_parquet(file)
    found = portfolio_loss(settings_of(tmp_path, 1_000), draws, lambda p: p, file)
    cells = found.cells.query("copula == 'independent' and measure == 'expected'")
    by_region = dict(zip(cells["region"], cells["contribution"], strict=True))
    # The second borrower falls for certain, the third never.
    assert by_region["unseen"] == pytest.approx(0.45 * 20.0)
    assert by_region["region 01"] == pytest.approx(0.45, abs=0.3)


def test_nobody_at_risk_loses_nothing(tmp_path: Path) -> None:
    nobody = Book(*np.zeros((2, 0), np.int64), *np.zeros((2, 0)))
    found = simulated_losses(
        settings_of(tmp_path, 1_000), made_draws(draws=3), LossGroups.gather(nobody)
    )
    assert (found.measures["amount"] == 0).all()
    assert len(found.cells) == 0


@pytest.mark.parametrize(
    ("margin", "exposure"), [(np.nan, 1.0), (0.1, np.nan), (0.1, -1)]
)
def test_missing_numbers_are_refused(margin: float, exposure: float) -> None:
    zero = np.zeros(2, np.int64)
    with pytest.raises(LossError, match="1 borrowers have a margin"):
        Book(zero, zero, np.array([0.1, margin]), np.array([1.0, exposure]))


def test_groups_keep_count_and_two_moments_of_exposures() -> None:
    rng = np.random.default_rng(1)
    exposure = rng.lognormal(0, 1.5, 1000)
    zero = np.zeros(1000, np.int64)
    groups = LossGroups.gather(Book(zero, zero, np.full(1000, 0.01), exposure))
    assert groups.n.tolist() == [1000]
    assert groups.mean[0] == pytest.approx(exposure.mean())
    assert groups.deviation[0] == pytest.approx(exposure.std())
    # Classes of 15 or 16 borrowers; their mixture has the same mean square.
    share = np.bincount(np.arange(1000) * 64 // 1000) / 1000
    square = (share * (groups.class_mean**2 + groups.class_deviation**2)[0]).sum()
    assert square == pytest.approx((exposure**2).mean())


def test_without_factors_nothing_is_shared() -> None:
    alone = without_factors(made_draws(draws=4, nu=5.0))
    assert alone.nu is None
    assert (alone.sigma_squared == 1).all()
