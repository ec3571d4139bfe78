"""What the priors imply, against the distributions the settings name."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, kstest, norm

from comove.joint_risk.loading import bounded_loading
from comove.joint_risk.prior_check import (
    Portfolio,
    hyper_draws,
    imply,
    prior_picture,
    prior_table,
)
from comove.settings import Settings

SETTINGS = Settings()
DRAWS = 1500


@pytest.fixture(scope="module")
def hyper() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return hyper_draws(SETTINGS, DRAWS, random, student_t=True)


@pytest.fixture(scope="module")
def implied() -> pd.DataFrame:
    return imply(SETTINGS, draws=DRAWS, seed=1)


@pytest.mark.parametrize("kind", ["national", "region", "industry"])
def test_autoregressions_are_those_of_the_settings(
    hyper: dict[str, np.ndarray], kind: str
) -> None:
    prior = beta(SETTINGS.joint_prior_phi_alpha, SETTINGS.joint_prior_phi_beta)
    assert kstest(hyper[f"phi_{kind}"], prior.cdf).pvalue > 1e-4


def test_loadings_and_degrees_of_freedom_are_those_of_the_settings(
    hyper: dict[str, np.ndarray],
) -> None:
    middle = np.log(SETTINGS.joint_prior_group_loading)
    prior = norm(middle, SETTINGS.joint_prior_log_loading_spread)
    assert kstest(hyper["log_loading_region_mean"], prior.cdf).pvalue > 1e-4
    median = np.median(hyper["loading_national"])
    expected = bounded_loading(np.log(SETTINGS.joint_prior_national_loading))
    assert median == pytest.approx(expected, rel=0.06)
    excess = norm(np.log(SETTINGS.joint_prior_nu), SETTINGS.joint_prior_log_nu_spread)
    assert kstest(np.log(hyper["nu"] - 2), excess.cdf).pvalue > 1e-4


def test_correlations_are_sums_of_squared_loadings(implied: pd.DataFrame) -> None:
    both = implied.same_region + implied.same_industry - implied.neither
    np.testing.assert_allclose(both, implied.same_cell)
    assert (implied.neither < implied.same_region).all()
    assert implied.same_cell.max() < 1


def test_a_worst_month_is_what_one_factor_makes_of_it() -> None:
    """Hardly any groups' effects, one loading: the worst of T normal months."""
    fixed = SETTINGS.model_copy(
        update={
            "joint_prior_national_loading": 0.2,
            "joint_prior_group_loading": 1e-4,
            "joint_prior_log_loading_spread": 1e-4,
            "joint_prior_offset_spread": 1e-6,
            # Hardly any autocorrelation: months are independent.
            "joint_prior_phi_alpha": 1.0,
            "joint_prior_phi_beta": 400.0,
        }
    )
    months, loading = 60, float(bounded_loading(np.log(0.2)))
    found = imply(fixed, Portfolio(2, 2, months, 0.01), draws=DRAWS, seed=2)
    # The median of the largest of 60 independent normals, by its distribution function.
    normal = NormalDist()
    largest = normal.inv_cdf(0.5 ** (1 / months))
    own = np.sqrt(1 - loading**2)
    expected = normal.cdf((normal.inv_cdf(0.01) + loading * largest) / own) / 0.01
    assert found.worst_to_mean.median() == pytest.approx(expected, rel=0.05)
    assert found.region_spread.max() < 1.01


def test_a_common_scale_makes_worst_months_worse(implied: pd.DataFrame) -> None:
    heavy = imply(SETTINGS, draws=DRAWS, seed=1, student_t=True)
    assert heavy.worst_to_mean.median() > implied.worst_to_mean.median()


def test_default_priors_are_wide_and_not_absurd(implied: pd.DataFrame) -> None:
    """Bounds from outside: Basel's asset correlations (CRE31).

    They are 3 to 16 % in retail, 12 to 24 % of companies.
    """
    table = prior_table(implied)
    assert table.q05["same_cell"] < 0.03
    assert table.q95["same_cell"] > 0.16
    assert (implied.same_cell > 0.24).mean() > 0.02
    # Annual US corporate default rates peaked at 3 to 4 times their mean (1981-2023).
    assert table.q05["worst_to_mean"] < 3 < table.q95["worst_to_mean"]


def test_the_picture_shows_every_quantity(implied: pd.DataFrame) -> None:
    figure = prior_picture(implied, origin="priors")
    assert len(figure.axes) == implied.shape[1]
    assert all(axes.patches for axes in figure.axes)
