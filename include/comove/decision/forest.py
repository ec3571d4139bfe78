"""Boosted trees as tables of numbers: they are asked without importing xgboost.

Importing it takes seconds, most of them scikit-learn's, and one application has to be
answered within a few. The answers are xgboost's own: the same comparisons of 32-bit
floats, summed in the same order.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xgboost as xgb

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]

_LEAF = -1


@dataclass(frozen=True)
class Tree:
    """One tree; entry i of each list is its node i, node 0 its root.

    Parameters
    ----------
    left, right : tuple of int
        Nodes below; -1 in a leaf.
    feature : tuple of int
        Column that is compared.
    threshold : tuple of float
        Below it a row goes left; in a leaf, what the tree adds.
    missing_goes_left : tuple of int
        1 where a row without the value goes left.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    missing_goes_left: tuple[int, ...]

    def values(self, x: FeatureMatrix) -> NDArray[np.float32]:
        """Say what the tree adds to each row, shape (n,)."""
        left, right = np.array(self.left), np.array(self.right)
        feature, goes = np.array(self.feature), np.array(self.missing_goes_left) == 1
        threshold = np.array(self.threshold, np.float32)
        rows, node = np.arange(len(x)), np.zeros(len(x), np.int64)
        while (inner := left[node] != _LEAF).any():
            value = x[rows, feature[node]]
            is_left = np.where(np.isnan(value), goes[node], value < threshold[node])
            below = np.where(is_left, left[node], right[node])
            node = np.where(inner, below, node)
        found: NDArray[np.float32] = threshold[node]
        return found


@dataclass(frozen=True)
class Forest:
    """Trees whose sum, with a constant, is the prediction.

    Parameters
    ----------
    base : float
        The constant.
    trees : tuple of Tree
        In the order they were grown.
    """

    base: float
    trees: tuple[Tree, ...]

    @classmethod
    def of(cls, booster: xgb.Booster) -> Self:
        """Take the trees of a booster with numbers only and an identity link."""
        told = json.loads(bytes(booster.save_raw("json")))["learner"]
        base = str(told["learner_model_param"]["base_score"]).strip("[]")
        grown = told["gradient_booster"]["model"]["trees"]
        return cls(float(base), tuple(_tree(one) for one in grown))

    def sums(self, x: FeatureMatrix) -> FloatArray:
        """Predict rows.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features; NaN is missing.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        total = np.full(len(x), self.base, np.float32)
        for tree in self.trees:
            total += tree.values(x)
        return total.astype(np.float64)

    def to_json(self) -> dict[str, Any]:
        """Give it as what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        trees = ({n: tuple(v) for n, v in one.items()} for one in told["trees"])
        return cls(told["base"], tuple(Tree(**one) for one in trees))


def _tree(told: dict[str, Any]) -> Tree:
    return Tree(
        left=tuple(told["left_children"]),
        right=tuple(told["right_children"]),
        feature=tuple(told["split_indices"]),
        threshold=tuple(told["split_conditions"]),
        missing_goes_left=tuple(int(one) for one in told["default_left"]),
    )
