"""Plain models with the same features and rows: what the lender's own must beat."""

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from comove.risk_model.matrix import Encoding
from comove.risk_model.trees import Sample

KEPT_PERCENTILES = (0.5, 99.5)
# Strengths of the penalty, as scikit-learn's C: its own is 1.
PENALTIES = (0.01, 0.1, 1.0)
PARTS = 3
RAREST_ROWS = 10
MOST_ITERATIONS = 2000
# Ten times scikit-learn's own: a fit takes seconds, and its predictions move little.
TOLERANCE = 1e-3

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]


def plain_logistic(sample: Sample, x: FeatureMatrix, encoding: Encoding) -> FloatArray:
    """Fit scikit-learn's logistic regression and predict, as a careful person would.

    Numbers are held within the percentiles 0.5 and 99.5 of the rows learnt from (a ratio
    a thousand times the usual would else rule the line), imputed by their mean and
    standardised, with a column that tells where they were missing. Categories are
    one-hot; missing is one of them, and those below 10 rows are one together. The penalty
    is the one of `PENALTIES` with the least log loss over three parts of the rows,
    shuffled by a fixed seed; scikit-learn's own where a class has fewer rows than parts.

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
    model = _logistic(encoding, penalised_regression(sample)).fit(sample.x, sample.y)
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


def penalised_regression(sample: Sample) -> LogisticRegression | LogisticRegressionCV:
    """Choose how a line is fitted to rows: by the penalty that foretells best.

    Parameters
    ----------
    sample : Sample
        To learn from.

    Returns
    -------
    LogisticRegression or LogisticRegressionCV
        Not fitted; with scikit-learn's own penalty where a class has fewer rows than
        the parts it would be chosen on.
    """
    events = float(np.sum(sample.y))
    if min(events, len(sample.y) - events) < PARTS:
        return LogisticRegression(max_iter=MOST_ITERATIONS)
    return LogisticRegressionCV(
        Cs=list(PENALTIES),
        l1_ratios=(0,),
        cv=StratifiedKFold(PARTS, shuffle=True, random_state=0),
        scoring="neg_log_loss",
        max_iter=MOST_ITERATIONS,
        tol=TOLERANCE,
        use_legacy_attributes=False,
    )


def _logistic(
    encoding: Encoding, line: LogisticRegression | LogisticRegressionCV
) -> Pipeline:
    is_category = np.array([kind == "c" for kind in encoding.types], dtype=bool)
    numbers = make_pipeline(
        _Clipper(),
        SimpleImputer(add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    columns = ColumnTransformer(
        [
            ("numbers", numbers, np.flatnonzero(~is_category)),
            (
                "categories",
                OneHotEncoder(
                    handle_unknown="infrequent_if_exist", min_frequency=RAREST_ROWS
                ),
                np.flatnonzero(is_category),
            ),
        ]
    )
    return make_pipeline(columns, line)


class _Clipper(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn's
    """Holds every column within two percentiles of the rows it was fitted on."""

    def fit(self, x: FeatureMatrix, y: object = None) -> "_Clipper":
        """Find the percentiles; a column without a number is left alone."""
        known = ~np.isnan(x).all(axis=0)
        self.low_ = np.full(x.shape[1], -np.inf)
        self.high_ = np.full(x.shape[1], np.inf)
        if known.any():
            ends = np.nanpercentile(x[:, known], KEPT_PERCENTILES, axis=0)
            self.low_[known], self.high_[known] = ends
        return self

    def transform(self, x: FeatureMatrix) -> FloatArray:
        """Hold the rows within them; missing stays missing."""
        return np.clip(x, self.low_, self.high_)
