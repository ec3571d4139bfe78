"""Coordinates in which group effects sum to zero, and are independent given the data.

Only sums such as level + region effect reach the likelihood, so regions' common part
cannot be told from the level. Effects are split into their information-weighted mean,
which joins the level, and deviations ``d`` with ``w'd = 0``. In the coordinates ``u``,
``d = B u``, both the data's information and the prior of equal loadings are diagonal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# A group without data still needs a place: as if it had this part of the mean.
_LEAST_WEIGHT = 1e-3


@dataclass(frozen=True)
class Basis:
    """Coordinates of the deviations of G groups.

    Parameters
    ----------
    share : ndarray, shape (G,)
        Weights of the groups in the level, adding up to 1.
    outward : ndarray, shape (G, G - 1)
        B: deviations from coordinates; ``share @ outward`` is 0.
    inward : ndarray, shape (G - 1, G)
        Coordinates of any effects; their common part gives 0.
    spread : ndarray, shape (G - 1,)
        Standard deviation of each coordinate where groups are independent with
        standard deviation 1.
    """

    share: FloatArray
    outward: FloatArray
    inward: FloatArray
    spread: FloatArray


def make_basis(information: FloatArray) -> Basis:
    """Choose coordinates by the information on each group.

    Parameters
    ----------
    information : ndarray, shape (G,)
        Mean Fisher information of a month about each group's effect.
    """
    least = _LEAST_WEIGHT * max(float(information.mean()), 1e-12)
    weight = np.maximum(information, least)
    root = np.sqrt(weight)
    # The right singular vectors beyond the first span what is orthogonal to it.
    plane = np.linalg.svd(root[None, :])[2][1:].T
    variance, rotation = np.linalg.eigh(plane.T @ (weight[:, None] * plane))
    plane = plane @ rotation
    return Basis(
        share=weight / weight.sum(),
        outward=plane / root[:, None],
        inward=(plane * root[:, None]).T,
        spread=np.sqrt(variance),
    )
