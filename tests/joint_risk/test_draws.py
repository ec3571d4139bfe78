"""Draws of the factor copula: what is refused, and what is kept."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from tests.joint_risk.made_draws import made_draws

from comove.joint_risk.draws import Draws, DrawsError


def test_integers_and_lists_are_taken_as_doubles() -> None:
    draws = replace(made_draws(draws=3), phi_region=[0, 0, 0])  # type: ignore[arg-type]
    assert draws.phi_region.dtype == np.float64


def test_idiosyncratic_variance_is_what_the_loadings_leave() -> None:
    draws = made_draws(draws=4, regions=2, industries=3)
    left = (
        1
        - draws.loading_national[2] ** 2
        - draws.loading_region[2, 1] ** 2
        - draws.loading_industry[2, 0] ** 2
    )
    assert draws.sigma_squared[2, 1, 0] == pytest.approx(left)


def test_an_array_of_the_wrong_shape_is_refused_by_name() -> None:
    draws = made_draws(draws=5, regions=2)
    with pytest.raises(DrawsError, match=r"offset_region has shape \(5, 3\)"):
        replace(draws, offset_region=np.zeros((5, 3)))


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("phi_national", 1.0, "open interval"),
        ("loading_region", -0.1, "negative"),
        ("loading_national", 0.999, "add up to 1"),
        ("national", np.nan, "not finite"),
        ("nu", 0.0, "not positive"),
    ],
)
def test_impossible_values_are_refused(name: str, value: float, found: str) -> None:
    draws = made_draws(draws=4, nu=5.0)
    with pytest.raises(DrawsError, match=found):
        replace(draws, **{name: np.full_like(getattr(draws, name), value)})


def test_repeated_months_are_refused() -> None:
    draws = made_draws(draws=2, months=2)
    with pytest.raises(DrawsError, match="months"):
        replace(draws, months=(dt.date(2020, 1, 1),) * 2)


def test_thinning_keeps_draws_evenly_and_whole() -> None:
    draws = made_draws(draws=10, nu=4.0)
    thin = draws.thinned(4)
    assert isinstance(thin, Draws)
    np.testing.assert_array_equal(thin.national, draws.national[[0, 2, 5, 7]])
    np.testing.assert_array_equal(thin.nu, draws.nu[[0, 2, 5, 7]])
    assert draws.thinned(10) is draws
