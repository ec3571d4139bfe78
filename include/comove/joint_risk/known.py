"""What a model knows from its data, as one vector of the compiled code."""

from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import ArrayLike

_NAME = "known"


def known(values: ArrayLike) -> Any:
    """Add values to the model whose context is open: data, not constants.

    Code compiled for one month serves the next one, with other values of the same
    shapes. All values stand in one vector, because the compiler takes most of a second
    for each array it has to fetch.

    Parameters
    ----------
    values : array_like of float
        Their shape becomes part of the code.

    Returns
    -------
    Tensor
        The values, in their shape.
    """
    array = np.asarray(values, dtype=np.float64)
    model = pm.modelcontext(None)
    vector: Any = model.named_vars.get(_NAME)
    if vector is None:
        vector = pm.Data(_NAME, np.zeros(0))
    before = vector.get_value()
    vector.set_value(np.concatenate([before, array.ravel()]))
    return vector[len(before) : len(before) + array.size].reshape(array.shape)
