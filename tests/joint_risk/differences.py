"""Derivatives by central differences, to hold hand-written ones against."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def differences(
    function: Callable[[FloatArray], float], at: FloatArray, step: float = 1e-6
) -> FloatArray:
    """Derivative of a number by each entry of an array."""
    at = np.asarray(at, np.float64)
    found = np.empty(at.shape)
    for place in np.ndindex(at.shape):
        move = np.zeros_like(at)
        move[place] = step
        found[place] = (function(at + move) - function(at - move)) / (2 * step)
    return found
