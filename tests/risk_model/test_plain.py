"""The plain models are fair: what the own model is compared with is no straw man."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from comove.risk_model.features import Feature
from comove.risk_model.matrix import Encoding
from comove.risk_model.plain import plain_logistic
from comove.risk_model.trees import Sample

NOISE = 30
NAMES = ("risk", "ratio", *(f"noise_{i}" for i in range(NOISE)))
ENCODING = Encoding(tuple(Feature(name, "number", 0, "") for name in NAMES), {})


def rows(
    count: int, seed: int, huge_share: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows whose log-odds are linear in the first column; their true probabilities.

    Some ratios are divided by next to nothing, as requested to limit is.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, len(NAMES)))
    huge = rng.random(count) < huge_share
    x[huge, 1] *= 10.0 ** rng.uniform(3, 8, huge.sum())
    x[rng.random(count) < 0.3, 2] = np.nan
    truth = expit(-3 + x[:, 0])
    y = (rng.random(count) < truth).astype(float)
    return x.astype(np.float32), y, truth


def test_ratios_larger_than_any_learnt_from_do_not_rule_the_line() -> None:
    x, y, _ = rows(3_000, 1)
    new, outcome, truth = rows(6_000, 2, huge_share=0.02)
    found = plain_logistic(Sample(x, y), new, ENCODING)
    assert log_loss(outcome, found) < log_loss(outcome, truth) + 0.012
    assert roc_auc_score(outcome, found) > roc_auc_score(outcome, truth) - 0.025


def test_plain_logistic_repeats_itself() -> None:
    x, y, _ = rows(800, 3)
    once = plain_logistic(Sample(x, y), x, ENCODING)
    np.testing.assert_array_equal(once, plain_logistic(Sample(x, y), x, ENCODING))


def test_two_events_are_enough_to_fit_a_line() -> None:
    x, _, _ = rows(200, 4)
    y = np.zeros(200)
    y[[5, 9]] = 1
    found = plain_logistic(Sample(x, y), x, ENCODING)
    assert found.mean() == pytest.approx(0.01, abs=0.01)
