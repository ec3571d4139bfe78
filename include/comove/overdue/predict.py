"""What a model says of cases, and what moves them away from the target type."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.connection import quoted
from comove.risk_model.application_model import ApplicationModel
from comove.risk_model.artifact import ModelRecord
from comove.risk_model.features import Feature
from comove.risk_model.fold_model import probability
from comove.risk_model.matrix import FeatureMatrix
from comove.risk_model.reasons import Population, as_json, find_reasons

FloatArray = NDArray[np.float64]


def predict(
    model: ApplicationModel,
    record: ModelRecord,
    x: FeatureMatrix,
    *,
    target_type: str,
) -> pd.DataFrame:
    """Predict cases, and say what moves them away from the target type.

    Parameters
    ----------
    model : ApplicationModel
        Of repaying enough in time.
    record : ModelRecord
        Of that model.
    x : ndarray of float32, shape (n, k)
        Features in the order of the model's encoding.
    target_type : str
        ``recoverable`` or ``unrecoverable``.

    Returns
    -------
    DataFrame
        ``repaid_probability``, ``recovery_share`` (both 0 to 1), ``model_version`` and
        ``model_reasons`` (JSON); n rows in their order.
    """
    p = probability(_log_odds(model.probabilities(x)["blend"]))
    shares = record.parameters["recovery_shares"]
    # Reasons speak against the target: what lowers the chance of repaying, or raises it.
    sign = -1.0 if target_type == "recoverable" else 1.0
    usual = Population(
        model.population.medians,
        tuple(sign * part for part in model.population.contributions),
    )
    reasons = find_reasons(
        x,
        sign * model.contributions(x),
        model.encoding.features,
        usual,
        needed=np.zeros(len(x), dtype=np.bool_),
    )
    return pd.DataFrame(
        {
            "repaid_probability": p,
            "recovery_share": p * shares["repaid"] + (1 - p) * shares["not_repaid"],
            "model_version": record.model_version,
            "model_reasons": [as_json(one) for one in reasons],
        }
    )


def case_columns(features: tuple[Feature, ...], *further: str) -> str:
    """Write the columns of features, and others, as SQL."""
    return ", ".join(map(quoted, [*(one.name for one in features), *further]))


def _log_odds(p: FloatArray) -> FloatArray:
    odds: FloatArray = np.log(p) - np.log1p(-p)
    return odds
