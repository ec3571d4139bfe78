"""Estimates of amounts: trees as xgboost's own, usual amounts, and their gate."""

from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from comove.decision.forest import Forest
from comove.decision.limit import FEATURES, LimitModel, pinball_loss
from comove.decision.limit_gate import LimitEvidence, judge_limits
from comove.risk_model.judgement import refusal
from comove.settings import Settings


def features(n: int, seed: int = 3) -> np.ndarray:
    draw = np.random.default_rng(seed)
    x = draw.lognormal(7, 1, (n, len(FEATURES))).astype(np.float32)
    x[draw.random(x.shape) < 0.3] = np.nan
    return x


def test_trees_say_what_xgboost_says() -> None:
    x = features(2000)
    target = np.log(np.nan_to_num(x[:, 0], nan=500.0)) + np.nan_to_num(x[:, 5] > 900)
    booster = xgb.train(
        {"objective": "reg:quantileerror", "quantile_alpha": 0.4, "max_depth": 5},
        xgb.DMatrix(x, target),
        num_boost_round=30,
    )
    fresh = features(3000, seed=4)
    # On a threshold itself a row goes right.
    fresh[0] = np.float32(np.nanmedian(x[:, 0]))
    ours = Forest.of(booster).sums(fresh)
    np.testing.assert_array_equal(
        ours.astype(np.float32), booster.predict(xgb.DMatrix(fresh))
    )
    assert np.ptp(ours) > 1


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    x, settings = features(500), Settings(portfolio="contract")
    model = LimitModel.fit(x, np.full(500, 10_000.0), settings)
    model.save(tmp_path)
    np.testing.assert_array_equal(LimitModel.load(tmp_path).amounts(x), model.amounts(x))


def test_an_estimate_a_hair_beside_a_usual_amount_is_that_amount() -> None:
    """44 % of the limits of SuperLender were 9,990 of 10,000 asked for."""
    draw = np.random.default_rng(5)
    amounts = draw.choice([10_000.0, 20_000.0, 31_234.0], 3000, p=[0.6, 0.395, 0.005])
    model = LimitModel.fit(features(3000), amounts, Settings(portfolio="contract"))
    assert model.usual == (10_000.0, 20_000.0)
    said = model._rounded(np.array([9_992.3, 9_949.0, 10_050.0, 20_099.0, 31_200.0]))
    np.testing.assert_array_equal(said, [10_000, 9_949, 10_000, 20_000, 31_200])


def evidence(estimates: np.ndarray, before: np.ndarray | None = None) -> LimitEvidence:
    """Amounts of 1,000 to 3,000, the features know half of the spread."""
    draw = np.random.default_rng(6)
    amounts = np.exp(
        estimates_of(len(estimates)) + draw.normal(0.05, 0.2, len(estimates))
    )
    return LimitEvidence(amounts, estimates, before, quantile=0.4)


def estimates_of(n: int) -> np.ndarray:
    return np.random.default_rng(7).uniform(np.log(1000), np.log(3000), n)


GOOD = np.exp(estimates_of(1000))


def test_sound_estimates_pass() -> None:
    assert refusal(judge_limits(evidence(GOOD, before=GOOD[::-1].copy()))) is None


@pytest.mark.parametrize(
    ("spoilt", "before", "why"),
    [
        (
            np.where(GOOD > 1500, GOOD, np.nan),
            None,
            "Every estimate is an amount above 0",
        ),
        (GOOD * 2, None, "As many repaid loans lie below their estimate"),
        (GOOD / 2, None, "As many repaid loans lie below their estimate"),
        (GOOD[::-1].copy(), None, "no more than one amount for everybody"),
        (np.full(1000, np.median(GOOD)), GOOD, "those of the model before"),
    ],
)
def test_unsound_estimates_are_refused(
    spoilt: np.ndarray, before: np.ndarray | None, why: str
) -> None:
    assert why in (refusal(judge_limits(evidence(spoilt, before))) or "")


def test_where_most_loans_have_one_amount_the_quantile_lies_among_them() -> None:
    amounts = np.where(np.arange(100) < 70, 10_000.0, 20_000.0)
    same = LimitEvidence(amounts, np.full(100, 10_000.0), None, quantile=0.4)
    assert refusal(judge_limits(same)) is None


def test_the_pinball_loss_is_the_published_one() -> None:
    """Koenker and Bassett (1978): q (y - f) above the estimate, (q - 1)(y - f) below."""
    logs = [0.4 * np.log(2), 0.6 * np.log(4)]
    found = pinball_loss(np.array([200.0, 100.0]), np.array([100.0, 400.0]), 0.4)
    assert found == pytest.approx(np.mean(logs))
