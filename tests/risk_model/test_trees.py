"""Boosted trees: monotone, seeded, stopped by the order and not by the level."""

from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from scipy.special import expit

from comove.risk_model.features import Feature
from comove.risk_model.matrix import Encoding
from comove.risk_model.metrics import auc
from comove.risk_model.trees import Sample, TreeFitter, TreeParameters, Trees

FEATURES = (
    Feature("lateness", "number", 1, "days past due"),
    Feature("income", "number", -1, "monthly income"),
    Feature("region", "category", 0, "region"),
)
ENCODING = Encoding(FEATURES, {"region": ("north", "south", "west")})
SMALL = TreeParameters(max_depth=3, learning_rate=0.2, min_child_weight=2, rounds=40)


def fitter(seed: int = 7, threads: int = 1) -> TreeFitter:
    return TreeFitter(ENCODING, seed=seed, threads=threads, max_rounds=120)


def sample(seed: int, n: int = 4000, level: float = 0.0) -> Sample:
    rng = np.random.default_rng(seed)
    lateness = rng.exponential(1.0, n)
    income = rng.normal(0, 1, n)
    region = rng.integers(0, 3, n)
    margin = -3 + level + lateness - 0.5 * income + 0.8 * (region == 2)
    y = (rng.random(n) < expit(margin)).astype(float)
    x = np.column_stack([lateness, income, region]).astype(np.float32)
    x[rng.random(n) < 0.1, 1] = np.nan
    return Sample(x, y, np.zeros(n, np.int64))


def test_the_effect_of_a_feature_never_goes_against_its_sign() -> None:
    trees = fitter().fit(sample(1), SMALL)
    grid = np.zeros((50, 3), np.float32)
    grid[:, 0] = np.linspace(0, 6, 50)
    assert (np.diff(trees.margin(grid)) >= 0).all()
    grid[:, 0], grid[:, 1] = 1.0, np.linspace(-3, 3, 50)
    assert (np.diff(trees.margin(grid)) <= 0).all()


def test_equal_rows_and_seed_give_equal_trees() -> None:
    x = sample(2).x
    once, again = (fitter().fit(sample(1), SMALL).margin(x) for _ in range(2))
    assert (once == again).all()


def test_probabilities_are_those_of_xgboost_itself() -> None:
    rows = sample(1)
    trees = fitter().fit(rows, SMALL)
    matrix = xgb.DMatrix(
        rows.x,
        feature_names=list(ENCODING.names),
        feature_types=ENCODING.types,
        enable_categorical=True,
    )
    expected = trees.booster.predict(matrix)
    assert expit(trees.margin(rows.x)) == pytest.approx(expected, abs=1e-6)


def test_rare_events_keep_their_rate() -> None:
    rows = sample(3, n=20_000, level=-2.5)
    p = expit(fitter().fit(rows, SMALL).margin(rows.x))
    assert p.mean() == pytest.approx(rows.y.mean(), rel=0.02)


def test_a_month_bad_for_everybody_does_not_stop_the_trees() -> None:
    fit, calm, crisis = sample(1), sample(8), sample(8, level=1.5)
    _, usual = fitter().stopped(fit, calm, SMALL)
    trees, found = fitter().stopped(fit, crisis, SMALL)
    assert found.rounds > usual.rounds / 3
    assert auc(crisis.y, trees.margin(crisis.x)) > 0.7


def test_the_search_is_seeded_and_no_worse_than_its_start() -> None:
    fit, valid = sample(1, n=1500), sample(2, n=1500)

    def searched() -> TreeParameters:
        return fitter().search(
            fit, valid, trials=3, start=SMALL, tell=lambda _sentence: None
        )

    assert searched() == searched()


def test_a_draw_keeps_every_event_and_every_expectation() -> None:
    rows = sample(4, n=10_000, level=-1.0)
    drawn = rows.drawn(3000, seed=5)
    assert drawn.y.sum() == rows.y.sum()
    assert drawn.weight is not None
    assert drawn.weight.sum() == pytest.approx(len(rows))
    assert len(drawn) == pytest.approx(3000, abs=1)
    assert rows.drawn(20_000, seed=5) is rows


def test_trees_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = sample(1)
    trees = fitter().fit(rows, SMALL)
    trees.save(tmp_path)
    assert [file.suffix for file in tmp_path.iterdir()] == [".ubj"]
    assert (Trees.load(tmp_path).margin(rows.x) == trees.margin(rows.x)).all()


def test_an_unseen_category_is_scored_as_missing() -> None:
    rows = sample(1)
    trees = fitter().fit(rows, SMALL)
    unseen = rows.x[:5].copy()
    unseen[:, 2] = np.nan
    assert np.isfinite(trees.margin(unseen)).all()
