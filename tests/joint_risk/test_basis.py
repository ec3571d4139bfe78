"""Coordinates of deviations: what they must be whatever the data's information."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from comove.joint_risk.basis import Basis, make_basis

informations = st.lists(st.floats(0, 1e6), min_size=2, max_size=12).map(np.array)


def weight_of(basis: Basis) -> NDArray[np.float64]:
    """The information up to its sum; groups without any have a small one."""
    return basis.share


@given(informations)
def test_deviations_have_no_weighted_mean(information: NDArray[np.float64]) -> None:
    basis = make_basis(information)
    np.testing.assert_allclose(basis.share.sum(), 1)
    of_level = basis.share @ basis.outward
    np.testing.assert_allclose(of_level / np.abs(basis.outward).max(), 0, atol=1e-9)


@given(informations)
def test_coordinates_give_back_effects_less_their_weighted_mean(
    information: NDArray[np.float64],
) -> None:
    basis = make_basis(information)
    effects = np.random.default_rng(1).normal(size=(len(information), 3))
    deviations = basis.outward @ (basis.inward @ effects)
    np.testing.assert_allclose(
        deviations, effects - basis.share @ effects, rtol=1e-6, atol=1e-6
    )


@given(informations)
def test_coordinates_are_independent_in_the_data_and_in_the_prior(
    information: NDArray[np.float64],
) -> None:
    basis = make_basis(information)
    data = basis.outward.T @ (weight_of(basis)[:, None] * basis.outward)
    prior = basis.inward @ basis.inward.T
    size = len(information) - 1
    np.testing.assert_allclose(
        data, np.diag(np.diag(data)), atol=1e-9 * np.abs(data).max() * size
    )
    np.testing.assert_allclose(
        prior, np.diag(basis.spread**2), atol=1e-9 * np.abs(prior).max() * size
    )


def test_a_group_without_data_has_little_say_in_the_level() -> None:
    basis = make_basis(np.array([0.0, 50.0, 100.0]))
    assert 0 < basis.share[0] < 0.001
