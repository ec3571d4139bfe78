"""Student-t quantiles and a month's common scale, against scipy."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from scipy import stats
from tests.joint_risk.differences import differences

from comove.joint_risk.month_scale import cell_thresholds, common_scale, quantile_at
from comove.settings import Settings

PLAIN = Mode(linker="py", optimizer=None)
NU = [2.2, 3.0, 7.5, 40.0, 500.0]
Z = np.linspace(-5, 3, 33)


@pytest.mark.parametrize("nu", NU)
def test_thresholds_are_student_t_quantiles_of_the_same_margins(nu: float) -> None:
    with pm.Model():
        found = cell_thresholds(Z, pt.constant(nu)).eval(mode=PLAIN)
    expected = stats.t(nu).ppf(stats.norm.cdf(Z))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    at_usual_margins = np.abs(Z) < 3.5
    np.testing.assert_allclose(
        found[at_usual_margins], expected[at_usual_margins], rtol=2e-4, atol=1e-9
    )


@pytest.mark.parametrize("z", [-3.1, -2.0, 0.4])
def test_one_threshold_is_as_those_of_cells(z: float) -> None:
    found = quantile_at(pt.constant(z), pt.constant(5.0)).eval(mode=PLAIN)
    assert found == pytest.approx(stats.t(5).ppf(stats.norm.cdf(z)), rel=1e-4)


def test_thresholds_follow_nu_as_their_gradient_says() -> None:
    nu = pt.dscalar("nu")
    with pm.Model():
        total = pt.sum(cell_thresholds(Z, nu))
    value = pytensor.function([nu], total, mode=PLAIN)
    gradient = pytensor.function([nu], pytensor.grad(total, nu), mode=PLAIN)
    by_differences = differences(lambda at: float(value(at)), np.array(6.0), 1e-5)
    assert gradient(6.0) == pytest.approx(float(by_differences), rel=1e-4)


def test_scale_has_the_density_of_a_root_of_a_chi_square() -> None:
    """c = sqrt(chi2 / nu), and the noise it is sampled as has a Jacobian of its own."""
    settings = Settings()
    with pm.Model(coords={"month": ["a", "b", "c"]}) as model:
        common_scale(3, settings)
    density = model.compile_logp(mode=PLAIN)
    found, expected = [], []
    for nu, c in ((4.0, [0.5, 1.0, 1.4]), (30.0, [0.9, 1.0, 1.05])):
        noise = np.sqrt(2 * nu) * np.log(c)
        point = {"log_nu_excess": np.log(nu - 2), "scale_noise": noise}
        found.append(float(density(point)))
        squares = nu * np.square(c)
        # d(nu c^2) / d(noise) = 2 nu c^2 / sqrt(2 nu).
        law = stats.chi2(nu).logpdf(squares) + np.log(2 * squares / np.sqrt(2 * nu))
        prior = stats.norm(
            np.log(settings.joint_prior_nu), settings.joint_prior_log_nu_spread
        )
        expected.append(law.sum() + prior.logpdf(np.log(nu - 2)))
    assert found[0] - found[1] == pytest.approx(expected[0] - expected[1])
