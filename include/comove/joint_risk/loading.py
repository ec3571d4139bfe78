"""Loadings that leave every borrower something of his own."""

from typing import Any

import numpy as np

# Three squares of it are 0.91: at least 9 % of a borrower's variance is his own, whatever
# the sampler tries, and it meets no wall.
LARGEST_LOADING = 0.55


def bounded_loading(log_loading: Any) -> Any:
    """Turn any number into a loading below `LARGEST_LOADING`.

    Small loadings are nearly ``exp(log_loading)``: 0.1 becomes 0.098, 0.3 becomes 0.263.

    Parameters
    ----------
    log_loading : array or tensor
        Any numbers.
    """
    # NumPy's exponential of a tensor is the tensor's own.
    return (np.exp(-2.0 * log_loading) + LARGEST_LOADING**-2) ** -0.5


def log_of_loading(loading: Any) -> Any:
    """Invert `bounded_loading`.

    Parameters
    ----------
    loading : array
        Between 0 and `LARGEST_LOADING`.
    """
    return -0.5 * np.log(np.asarray(loading) ** -2.0 - LARGEST_LOADING**-2)
