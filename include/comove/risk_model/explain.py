"""Why a booster predicts what it predicts: SHAP values.

A prediction's log-odds are the sum of its features' contributions and a constant
(Lundberg et al., 2020, TreeSHAP: exact for trees). xgboost computes them itself, so
that they agree with the model to rounding.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

from comove.errors import ComoveError

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]

# Beyond so many rows the picture is no clearer, and the cost grows with them.
MOST_ROWS = 2_000


class ExplanationError(ComoveError):
    """Rows do not fit the model they are to be explained by."""


@dataclass(frozen=True)
class Contributions:
    """What every feature adds to the log-odds of each row.

    Parameters
    ----------
    names : tuple of str
        Features.
    values : ndarray, shape (n, k)
        Contributions in log-odds; positive is riskier.
    features : ndarray of float32, shape (n, k)
        The rows explained; NaN is missing.
    base : float
        Log-odds every row starts from.
    """

    names: tuple[str, ...]
    values: FloatArray
    features: FeatureMatrix
    base: float

    def order(self) -> NDArray[np.intp]:
        """Features by mean absolute contribution, largest first."""
        return np.argsort(-_mean_size(self.values), kind="stable")

    def ranks(self, feature: int) -> FloatArray:
        """Place of each row's value among the others', 0 lowest and 1 highest.

        Returns
        -------
        ndarray, shape (n,)
            Missing where the value is; one half where all values are the same.
        """
        place = pd.Series(self.features[:, feature]).rank(method="average")
        low, high = place.min(), place.max()
        share = (place - low) / (high - low) if high > low else place * 0 + 0.5
        return np.asarray(share, np.float64)


def contributions(
    booster: xgb.Booster,
    x: FeatureMatrix,
    names: tuple[str, ...],
    *,
    seed: int,
    most_rows: int = MOST_ROWS,
) -> Contributions:
    """Explain rows, a seeded draw of them where there are many.

    Parameters
    ----------
    booster : xgboost.Booster
        Logistic trees.
    x : ndarray of float32, shape (n, k)
        Features in the order the booster was trained with; NaN is missing.
    names : tuple of str
        Names of the k features.
    seed : int
        Of the draw.
    most_rows : int
        Rows explained at most.

    Returns
    -------
    Contributions
        With no rows where there are none.

    Raises
    ------
    ExplanationError
        When the features are not those the booster was trained with.
    """
    _refuse_others(booster, x, names)
    drawn = _drawn(np.asarray(x, np.float32), seed, most_rows)
    if not len(drawn):
        return Contributions(names, np.empty((0, len(names))), drawn, float("nan"))
    matrix = xgb.DMatrix(
        drawn,
        missing=np.nan,
        feature_names=booster.feature_names,
        feature_types=booster.feature_types,
        enable_categorical=True,
    )
    found = np.asarray(booster.predict(matrix, pred_contribs=True), np.float64)
    return Contributions(names, found[:, :-1], drawn, float(found[0, -1]))


def importance(found: Contributions) -> pd.DataFrame:
    """Tabulate how much each feature moves predictions.

    Returns
    -------
    DataFrame
        ``feature``, ``mean_abs_shap`` (log-odds), ``share`` (of their sum) and
        ``effect``: the rank correlation of value and contribution, so +1 where more
        is always riskier; missing for features without spread. Largest first.
    """
    if not len(found.values):
        return pd.DataFrame(columns=["feature", "mean_abs_shap", "share", "effect"])
    size, order = _mean_size(found.values), found.order()
    total = size.sum()
    return pd.DataFrame(
        {
            "feature": [found.names[i] for i in order],
            "mean_abs_shap": size[order],
            "share": size[order] / total if total else np.nan,
            "effect": [_effect(found, int(i)) for i in order],
        }
    )


def _mean_size(values: FloatArray) -> FloatArray:
    return np.asarray(np.abs(values).mean(axis=0), np.float64)


def _effect(found: Contributions, feature: int) -> float:
    pairs = pd.DataFrame(
        {"value": found.features[:, feature], "moves": found.values[:, feature]}
    ).dropna()
    ranks = pairs.rank()
    if len(pairs) < 2 or not (ranks.std() > 0).all():
        return float("nan")
    return float(ranks["value"].corr(ranks["moves"]))


def _drawn(x: FeatureMatrix, seed: int, most_rows: int) -> FeatureMatrix:
    if len(x) <= most_rows:
        return x
    chosen = np.random.default_rng(seed).choice(len(x), most_rows, replace=False)
    return x[np.sort(chosen)]


def _refuse_others(
    booster: xgb.Booster, x: FeatureMatrix, names: tuple[str, ...]
) -> None:
    trained = tuple(booster.feature_names or names)
    if x.ndim == 2 and x.shape[1] == len(names) and trained == tuple(names):
        return
    raise ExplanationError(
        f"rows of shape {x.shape} named {list(names)} were given to a booster trained on "
        f"{list(trained)}.",
        where="explain",
        remedy="Read the rows with the encoding saved beside the model.",
    )
