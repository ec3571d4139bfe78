import numpy as np
import pytest
import shap
import xgboost as xgb

from comove.risk_model.explain import ExplanationError, contributions, importance

NAMES = ("balance", "income", "noise")


@pytest.fixture(scope="module")
def x():
    drawn = np.random.default_rng(2).normal(size=(3_000, 3)).astype(np.float32)
    drawn[::11, 0] = np.nan
    return drawn


@pytest.fixture(scope="module")
def booster(x):
    log_odds = 1.5 * np.nan_to_num(x[:, 0]) - 0.7 * x[:, 1] - 2
    y = np.random.default_rng(3).random(len(x)) < 1 / (1 + np.exp(-log_odds))
    return xgb.train(
        {"objective": "binary:logistic", "max_depth": 3, "nthread": 1},
        xgb.DMatrix(x, y, feature_names=list(NAMES)),
        20,
    )


def test_contributions_add_up_to_the_log_odds_of_the_prediction(booster, x):
    found = contributions(booster, x[:200], NAMES, seed=1)
    margin = booster.inplace_predict(x[:200], predict_type="margin")
    assert found.values.sum(axis=1) + found.base == pytest.approx(margin, abs=1e-4)


def test_contributions_are_those_of_the_package_shap(booster, x):
    found = contributions(booster, x[:50], NAMES, seed=1)
    expected = shap.TreeExplainer(booster).shap_values(x[:50])
    assert found.values == pytest.approx(expected, abs=1e-4)


def test_a_draw_is_limited_and_repeats(booster, x):
    once, again = (contributions(booster, x, NAMES, seed=7, most_rows=100) for _ in "12")
    other = contributions(booster, x, NAMES, seed=8, most_rows=100)
    assert once.values.shape == (100, 3)
    assert np.array_equal(once.values, again.values)
    assert not np.array_equal(once.values, other.values)


def test_importance_is_ordered_and_tells_the_direction(booster, x):
    table = importance(contributions(booster, x, NAMES, seed=1))
    assert table["feature"].tolist() == ["balance", "income", "noise"]
    assert table["share"].sum() == pytest.approx(1)
    assert table["effect"][0] > 0.9
    assert table["effect"][1] < -0.9


def test_a_feature_all_missing_has_no_direction(booster, x):
    blank = x.copy()
    blank[:, 0] = np.nan
    table = importance(contributions(booster, blank, NAMES, seed=1)).set_index("feature")
    assert np.isnan(table.loc["balance", "effect"])


def test_no_rows_have_no_contributions(booster, x):
    found = contributions(booster, x[:0], NAMES, seed=1)
    assert found.values.shape == (0, 3)
    assert importance(found).empty


def test_places_of_equal_values_are_in_the_middle(booster, x):
    found = contributions(booster, np.ones((3, 3), np.float32), NAMES, seed=1)
    assert found.ranks(0).tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("names", [("income", "balance", "noise"), ("balance", "income")])
def test_features_of_another_model_are_refused(booster, x, names):
    with pytest.raises(ExplanationError, match="were given"):
        contributions(booster, x[:5, : len(names)], names, seed=1)


def test_categories_are_explained_too():
    rng = np.random.default_rng(4)
    x = rng.integers(0, 4, size=(500, 1)).astype(np.float32)
    y = rng.random(500) < np.array([0.05, 0.1, 0.5, 0.6])[x[:, 0].astype(int)]
    matrix = xgb.DMatrix(
        x, y, feature_names=["region"], feature_types=["c"], enable_categorical=True
    )
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, matrix, 10)
    found = contributions(booster, x, ("region",), seed=1)
    margin = booster.predict(matrix, output_margin=True)
    assert found.values[:, 0] + found.base == pytest.approx(margin, abs=1e-4)
