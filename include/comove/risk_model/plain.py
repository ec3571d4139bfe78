"""Plain models with the same features and rows: what the lender's own must beat."""

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from comove.risk_model.matrix import Encoding
from comove.risk_model.trees import Sample

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]


def plain_logistic(sample: Sample, x: FeatureMatrix, encoding: Encoding) -> FloatArray:
    """Fit scikit-learn's logistic regression and predict.

    Numbers are imputed by their mean and standardised, with a column that tells where
    they were missing; categories are one-hot, missing being one of them. The penalty is
    scikit-learn's default.

    Parameters
    ----------
    sample : Sample
        To learn from.
    x : ndarray of float32, shape (n, k)
        To predict.
    encoding : Encoding
        Columns of both.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities of an event.
    """
    model = _logistic(encoding).fit(sample.x, sample.y)
    return np.asarray(model.predict_proba(x)[:, 1], dtype=np.float64)


def plain_xgboost(
    sample: Sample, x: FeatureMatrix, encoding: Encoding, *, seed: int, threads: int
) -> FloatArray:
    """Fit xgboost's classifier with its default parameters and predict.

    Parameters
    ----------
    sample, x, encoding
        As for `plain_logistic`.
    seed, threads : int
        For xgboost.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities of an event.
    """
    model = XGBClassifier(
        feature_types=encoding.types,
        enable_categorical=True,
        random_state=seed,
        n_jobs=threads,
    )
    model.fit(sample.x, sample.y)
    return np.asarray(model.predict_proba(x)[:, 1], dtype=np.float64)


def _logistic(encoding: Encoding) -> Pipeline:
    is_category = np.array([kind == "c" for kind in encoding.types], dtype=bool)
    numbers = make_pipeline(
        SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    columns = ColumnTransformer(
        [
            ("numbers", numbers, np.flatnonzero(~is_category)),
            (
                "categories",
                OneHotEncoder(handle_unknown="ignore"),
                np.flatnonzero(is_category),
            ),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000))
