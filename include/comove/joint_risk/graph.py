"""The compiled pieces as PyTensor operations, so that a PyMC model can use them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import (
    numba_njit,
    register_funcify_default_op_cache_key,
)
from pytensor.tensor import as_tensor_variable, zeros_like
from pytensor.tensor.type import scalar

from comove.joint_risk.kernel import count_log_likelihood
from comove.joint_risk.ordinal import ordinal_log_likelihood
from comove.joint_risk.path_prior import deviation_log_density, level_log_density
from comove.joint_risk.whitening import colour, colour_gradient

Node = Apply[Any]
Tensor = Any
_Function = TypeVar("_Function", bound=Callable[..., Any])

# Part of the key under which PyTensor keeps compiled code: raise it with every change of
# the functions called here, or an old compilation goes on being used.
_VERSION = 4


class _Compiled(Op):
    """An operation that is one compiled function."""

    __props__ = ()
    function: Callable[..., Any]

    def perform(
        self, node: Node, inputs: Sequence[Any], output_storage: list[list[Any]]
    ) -> None:
        """Run the function where PyTensor does not compile (constant folding, tests)."""
        found = type(self).function(*inputs)
        for storage, value, variable in zip(
            output_storage, found, node.outputs, strict=True
        ):
            storage[0] = variable.type.filter(value, allow_downcast=True)


class _Likelihood(_Compiled):
    """A log-likelihood whose further outputs are its derivatives.

    It is differentiated by its last inputs, in the order of the outputs. PyTensor merges
    the two uses of a node, so value and gradient are one evaluation.
    """

    differentiated: int

    def make_node(self, *inputs: Any) -> Node:
        """Apply to the inputs of `function`, in its order."""
        given = [as_tensor_variable(one) for one in inputs]
        derivatives = [one.type() for one in given[-self.differentiated :]]
        return Apply(self, given, [scalar(dtype="float64"), *derivatives])

    def pullback(
        self,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        cotangents: Sequence[Tensor],
    ) -> list[Tensor]:
        """Pull the gradient of the log-likelihood back to the inputs."""
        data = [disconnected_type() for _ in inputs[: -self.differentiated]]
        return [*data, *[cotangents[0] * one for one in outputs[1:]]]

    def connection_pattern(self, node: Node) -> list[list[bool]]:
        """Tell that only the log-likelihood can be differentiated."""
        fixed = len(node.inputs) - self.differentiated
        rest = [False] * self.differentiated
        return [[place >= fixed, *rest] for place in range(len(node.inputs))]


class CountLikelihood(_Likelihood):
    """`comove.joint_risk.kernel.count_log_likelihood` in a graph."""

    differentiated = 6
    function = staticmethod(count_log_likelihood)


class OrdinalLikelihood(_Likelihood):
    """`comove.joint_risk.ordinal.ordinal_log_likelihood` in a graph."""

    differentiated = 4
    function = staticmethod(ordinal_log_likelihood)


class DeviationPrior(_Likelihood):
    """`comove.joint_risk.path_prior.deviation_log_density` in a graph."""

    differentiated = 3
    function = staticmethod(deviation_log_density)


class LevelPrior(_Likelihood):
    """`comove.joint_risk.path_prior.level_log_density` in a graph."""

    differentiated = 3
    function = staticmethod(level_log_density)


class Colour(_Compiled):
    """`comove.joint_risk.whitening.colour` in a graph."""

    function = staticmethod(colour)

    def make_node(self, *inputs: Any) -> Node:
        """Apply to noise, scale, phi, information and weighted values."""
        given = [as_tensor_variable(one) for one in inputs]
        return Apply(self, given, [given[0].type(), scalar(dtype="float64")])

    def pullback(
        self,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        cotangents: Sequence[Tensor],
    ) -> list[Tensor]:
        """Pull the gradients of paths and log determinant back to the inputs."""
        by_each = [
            zeros_like(output) if isinstance(one.type, DisconnectedType) else one
            for one, output in zip(cotangents, outputs, strict=True)
        ]
        gradient: Any = _ColourGradient()(*inputs, *by_each)
        noise, scale, phi, weighted = gradient
        return [noise, scale, phi, disconnected_type(), weighted]

    def connection_pattern(self, node: Node) -> list[list[bool]]:
        """Tell that the information is not differentiated."""
        return [[True, True]] * 3 + [[False, False], [True, False]]


class _ColourGradient(_Compiled):
    """`comove.joint_risk.whitening.colour_gradient` in a graph."""

    function = staticmethod(colour_gradient)

    def make_node(self, *inputs: Any) -> Node:
        given = [as_tensor_variable(one) for one in inputs]
        outputs = [given[place].type() for place in (0, 1, 2, 4)]
        return Apply(self, given, outputs)


# PyTensor's decorator has no types.
_compiles: Callable[[type[Op]], Callable[[_Function], _Function]] = (
    register_funcify_default_op_cache_key
)

# PyTensor hands scalars over as arrays without dimensions, and wants them back so.


@_compiles(CountLikelihood)
def _count_likelihood(op: Op, node: Node | None = None, **kwargs: Any) -> Any:
    @numba_njit
    def compiled(*inputs):  # type: ignore[no-untyped-def]  # numba types it
        found = count_log_likelihood(*inputs)
        return np.asarray(found[0]), *found[1:]

    return compiled, _VERSION


@_compiles(OrdinalLikelihood)
def _ordinal_likelihood(op: Op, node: Node | None = None, **kwargs: Any) -> Any:
    @numba_njit
    def compiled(*inputs):  # type: ignore[no-untyped-def]  # numba types it
        found = ordinal_log_likelihood(*inputs)
        return np.asarray(found[0]), *found[1:]

    return compiled, _VERSION


@_compiles(DeviationPrior)
def _deviation_prior(op: Op, node: Node | None = None, **kwargs: Any) -> Any:
    @numba_njit
    def compiled(path, loading, phi):  # type: ignore[no-untyped-def]  # numba types it
        found = deviation_log_density(path, loading, phi.item())
        return np.asarray(found[0]), found[1], found[2], np.asarray(found[3])

    return compiled, _VERSION


@_compiles(LevelPrior)
def _level_prior(op: Op, node: Node | None = None, **kwargs: Any) -> Any:
    @numba_njit
    def compiled(rest, variance, phi):  # type: ignore[no-untyped-def]  # numba types it
        found = level_log_density(rest, variance, phi)
        return np.asarray(found[0]), *found[1:]

    return compiled, _VERSION


@_compiles(Colour)
def _colour(op: Op, node: Node | None = None, **kwargs: Any) -> Any:
    @numba_njit
    def compiled(noise, scale, phi, information, weighted):  # type: ignore[no-untyped-def]
        paths, log_jacobian = colour(noise, scale, phi.item(), information, weighted)
        return paths, np.asarray(log_jacobian)

    return compiled, _VERSION


@_compiles(_ColourGradient)
def _colour_gradient(op: Op, node: Node | None = None, **kwargs: Any) -> Any:
    @numba_njit
    def compiled(  # type: ignore[no-untyped-def]
        noise, scale, phi, information, weighted, by_paths, by_log_jacobian
    ):
        found = colour_gradient(
            noise,
            scale,
            phi.item(),
            information,
            weighted,
            by_paths,
            by_log_jacobian.item(),
        )
        return found[0], found[1], np.asarray(found[2]), found[3]

    return compiled, _VERSION
