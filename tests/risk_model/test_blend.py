"""A blend is a mean of log-odds that is never worse than its best member."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit

from comove.errors import ModelError
from comove.risk_model.blend import BLEND_FILE, Blend, fit_weights
from comove.risk_model.metrics import log_loss

ROWS = 5_000


@pytest.fixture(scope="module")
def drawn():
    """Two members that each know half of the risk, and the outcomes."""
    generator = np.random.default_rng(5)
    a, b = generator.normal(size=(2, ROWS))
    y = (generator.random(ROWS) < expit(-2 + a + b)).astype(float)
    return {"trees": -2 + 1.4 * a, "logit": -2 + 1.8 * b}, y


def test_weights_are_those_of_least_log_loss(drawn):
    margins, y = drawn
    weights = fit_weights(margins, y)

    def loss(weight):
        mixed = weight * margins["trees"] + (1 - weight) * margins["logit"]
        return log_loss(y, expit(mixed))

    best = minimize_scalar(loss, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})
    assert weights["trees"] == pytest.approx(best.x, abs=1e-4)
    assert 0.1 < weights["trees"] < 0.9


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    members=st.integers(1, 4),
    rows=st.integers(1, 200),
    spread=st.sampled_from([1e-3, 1.0, 20.0]),
)
def test_a_blend_is_never_worse_than_its_best_member(seed, members, rows, spread):
    generator = np.random.default_rng(seed)
    stacked = generator.normal(0, spread, (members, rows))
    y = generator.integers(0, 2, rows).astype(float)
    margins = {f"m{k}": row for k, row in enumerate(stacked)}
    weights = fit_weights(margins, y)
    assert min(weights.values()) >= 0
    assert sum(weights.values()) == pytest.approx(1, abs=1e-12)

    def loss(margin):
        return (np.logaddexp(0, margin) - y * margin).mean()

    blended = loss(Blend(weights).mix(margins))
    best = min(loss(row) for row in stacked)
    assert blended <= best * (1 + 1e-12) + 1e-15


def test_a_member_that_knows_nothing_more_gets_no_weight():
    generator = np.random.default_rng(9)
    truth = generator.normal(-2, 1.5, ROWS)
    y = (generator.random(ROWS) < expit(truth)).astype(float)
    weights = fit_weights({"truth": truth, "wrong": -truth}, y)
    assert weights == {"truth": 1.0, "wrong": 0.0}


def test_a_single_member_has_all_the_weight():
    assert fit_weights({"logit": np.array([0.0, 1.0])}, np.array([0.0, 1.0])) == {
        "logit": 1
    }


def test_a_blend_mixes_log_odds_not_probabilities():
    mixed = Blend({"a": 0.25, "b": 0.75}).mix(
        {"a": np.array([0.0]), "b": np.array([4.0])}
    )
    assert mixed == pytest.approx([3.0])


def test_a_blend_asks_its_members():
    class Constant:
        def __init__(self, value):
            self.value = value

        def margin(self, x):
            return np.full(len(x), self.value)

    blend = Blend({"a": 0.5, "b": 0.5}, {"a": Constant(-1.0), "b": Constant(-3.0)})
    assert blend.margin(np.zeros((2, 1), np.float32)).tolist() == [-2.0, -2.0]


def test_a_blend_survives_its_folder(tmp_path):
    blend = Blend({"trees": 0.3, "logit": 0.7})
    blend.save(tmp_path / "new")
    assert Blend.load(tmp_path / "new") == blend
    stored = json.loads((tmp_path / "new" / BLEND_FILE).read_text())
    assert stored == {"weights": {"trees": 0.3, "logit": 0.7}}


@pytest.mark.parametrize("text", [None, "{", "{}", '{"weights": 3}'])
def test_a_damaged_blend_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / BLEND_FILE).write_text(text)
    with pytest.raises(ModelError, match="no blend can be read"):
        Blend.load(tmp_path)


@pytest.mark.parametrize("weights", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}])
def test_weights_that_are_no_mean_are_refused(weights):
    with pytest.raises(ModelError, match="the weights are"):
        Blend(weights)


def test_an_absent_member_is_named():
    with pytest.raises(ModelError, match="the member b is not there; there are: a"):
        Blend({"a": 0.5, "b": 0.5}).mix({"a": np.zeros(2)})


def test_no_members_and_infinite_margins_are_refused():
    with pytest.raises(ModelError, match="no member"):
        fit_weights({}, np.array([1.0]))
    with pytest.raises(ModelError, match="1 of 2 log-odds are not finite"):
        fit_weights({"a": np.array([np.inf, 0.0])}, np.array([1.0, 0.0]))
