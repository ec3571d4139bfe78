"""The compiled pieces in a PyTensor graph: same values, gradients that agree."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from tests.joint_risk.differences import differences

from comove.joint_risk.graph import Colour, CountLikelihood, DeviationPrior, LevelPrior

PLAIN = Mode(linker="py", optimizer=None)
RNG = np.random.default_rng(1)
GROUPS = np.column_stack(
    [*(one.ravel() for one in np.indices((2, 2, 3))), np.arange(12), np.arange(1, 13)]
)
COUNTS = np.stack([np.full(12, 200.0), RNG.integers(0, 20, 12).astype(float)])
LEVEL, EFFECT = RNG.normal(0, 0.3, 3), RNG.normal(0, 0.2, (2, 3))
PATH, LOADING = RNG.normal(size=(2, 4)), np.array([0.2, 0.3])


def likelihood(level: Any) -> Any:
    """By the level, which enters twice: as itself and in the scale."""
    z, ones = pt.as_tensor(np.full(12, -2.0)), pt.as_tensor(np.full((2, 2), 0.9))
    scale = 1 + 0.1 * level
    return CountLikelihood()(GROUPS, COUNTS, z, level, EFFECT, EFFECT, ones, scale)[0]


def deviations(path: Any) -> Any:
    return DeviationPrior()(path, pt.as_tensor(LOADING), pt.mean(path) ** 2)[0]


def level_prior(rest: Any) -> Any:
    return LevelPrior()(rest, pt.exp(rest[:2]), pt.tanh(rest[1:]))[0]


def both_of_colour(noise: Any) -> Any:
    found = Colour()(noise, pt.exp(noise[:, 0]), pt.tanh(noise[0, 0]), PATH**2, PATH)
    return pt.sum(found[0] ** 2) + found[1]


def paths_alone(noise: Any) -> Any:
    found = Colour()(noise, pt.exp(noise[:, 0]), pt.tanh(noise[0, 0]), PATH**2, PATH)
    return pt.sum(found[0] ** 2)


CASES = [
    pytest.param(likelihood, LEVEL, id="counts"),
    pytest.param(deviations, PATH, id="deviations"),
    pytest.param(level_prior, LEVEL, id="level"),
    pytest.param(both_of_colour, PATH, id="colour"),
    pytest.param(paths_alone, PATH, id="colour without its Jacobian"),
]


@pytest.mark.parametrize(("target", "at"), CASES)
def test_gradient_through_a_graph_is_that_of_its_value(
    target: Callable[[Any], Any], at: Any
) -> None:
    given = pt.TensorType("float64", at.shape)("given")
    value = target(given)
    gradient = pytensor.function([given], pytensor.grad(value, given), mode=PLAIN)
    of_value = pytensor.function([given], value, mode=PLAIN)
    expected = differences(lambda moved: float(of_value(moved)), at, 1e-5)
    np.testing.assert_allclose(gradient(at), expected, rtol=1e-5, atol=1e-4)


def test_compiled_graphs_give_what_interpreted_ones_give() -> None:
    """All pieces in one function, so that one compilation serves."""
    level, path = pt.dvector("level"), pt.matrix("path", shape=PATH.shape)
    total = likelihood(level) + level_prior(level)
    total += deviations(path) + both_of_colour(path)
    outputs = [total, *pytensor.grad(total, [level, path])]
    inputs = {"inputs": [level, path], "outputs": outputs}
    compiled = pytensor.function(**inputs, mode="NUMBA")(LEVEL, PATH)
    plain = pytensor.function(**inputs, mode=PLAIN)(LEVEL, PATH)
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)
