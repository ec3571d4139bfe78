"""The blend of an application model: even where few are bad, fitted where many are."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from comove.errors import ModelError
from comove.risk_model import application_model
from comove.risk_model.application_model import (
    CANDIDATES,
    ApplicationFitter,
    ApplicationModel,
)
from comove.risk_model.calibration import fit_calibration
from comove.risk_model.features import Feature
from comove.risk_model.line import PenalisedLine
from comove.risk_model.matrix import Encoding
from comove.risk_model.trees import Sample

ENCODING = Encoding(tuple(Feature(f"x{j}", "number", 0, "") for j in range(3)), {})
FITTER = ApplicationFitter(
    encoding=ENCODING, seed=1, threads=1, max_rounds=40, candidates=CANDIDATES[:1]
)


@pytest.fixture(autouse=True)
def one_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_model, "BAG", 1)


def fitted(
    rows: int, base: float, algorithm: str = "blend", fitter: ApplicationFitter = FITTER
) -> ApplicationModel:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    y = (rng.random(rows) < expit(base + 1.5 * x[:, 0])).astype(float)
    return fitter.fit(Sample(x, y), np.arange(rows) % 3, algorithm)


def test_where_few_are_bad_every_model_counts_alike() -> None:
    """Cautious trees and bold ones are two models."""
    model = fitted(700, -3)
    assert set(model.parameters) == {"cautious", "bold"}
    assert model.weights == {"xgboost": 0.5, "linear": 0.25, "logit": 0.25}


def test_where_many_are_bad_weights_are_those_of_least_log_loss() -> None:
    """Log-odds are a line here, so that the line has nearly all the weight."""
    model = fitted(1_500, -1)
    assert sum(model.weights.values()) == pytest.approx(1)
    assert model.weights["linear"] > 0.5
    assert model.validation["blend"] <= min(model.validation.values()) + 1e-4


def test_one_algorithm_alone_has_all_the_weight() -> None:
    model = fitted(700, -3, "linear")
    assert model.weights == {"xgboost": 0, "linear": 1, "logit": 0}
    x = np.zeros((2, 3), np.float32)
    said = model.probabilities(x)
    assert said["blend"] == pytest.approx(said["linear"])


def test_without_a_line_trees_and_scorecard_make_the_blend() -> None:
    model = fitted(700, -3, fitter=replace(FITTER, with_line=False))
    assert model.weights == pytest.approx({"xgboost": 2 / 3, "logit": 1 / 3})


def test_an_algorithm_there_is_none_of_is_refused() -> None:
    with pytest.raises(ModelError, match="Ask for blend, or for one of xgboost, linear"):
        fitted(700, -3, "forest")


def test_contributions_sum_to_the_blends_log_odds_but_a_constant() -> None:
    model = fitted(700, -3)
    x = np.random.default_rng(5).normal(size=(50, 3)).astype(np.float32)
    margins = {name: member.margin(x) for name, member in model.members.items()}
    mixed = sum(model.weights[name] * margins[name] for name in margins)
    rest = mixed - model.contributions(x).sum(axis=1)
    assert rest == pytest.approx(np.full(50, rest[0]), abs=1e-4)


def test_the_line_that_calibrates_a_row_never_saw_its_outcome() -> None:
    """As fitted by hand: model and line of the two other parts, for each part."""
    x = np.random.default_rng(6).normal(size=(300, 3)).astype(np.float32)
    y = (np.random.default_rng(7).random(300) < expit(-1 + 1.5 * x[:, 0])).astype(float)
    parts = np.arange(300) % 3
    model = replace(FITTER, max_rounds=5).fit(Sample(x, y), parts, "linear")
    margin = np.empty(300)
    for part in range(3):
        others = parts != part
        line = PenalisedLine.fit(Sample(x[others], y[others]), ENCODING)
        margin[~others] = line.margin(x[~others])
    for part in range(3):
        others = parts != part
        told = fit_calibration(margin[others], y[others])
        expected = expit(told.apply(margin[~others]))
        assert model.cross_fitted[~others] == pytest.approx(expected)
    # The model's own line has seen all of them.
    assert model.calibrations["blend"] == fit_calibration(margin, y)
    assert model.validation["blend"] == pytest.approx(log_loss(y, model.cross_fitted))
