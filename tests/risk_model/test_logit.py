"""The scorecard equals statsmodels', explains itself, and refuses what it cannot fit."""

import re

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.metrics import roc_auc_score

from comove.errors import ModelError
from comove.risk_model import logit
from comove.risk_model.features import Feature
from comove.risk_model.logit import BINS_FILE, REGRESSION_FILE, WoeLogit
from comove.risk_model.matrix import Encoding
from comove.risk_model.metrics import calibration_slope_intercept

ROWS = 20_000
FEATURES = (
    Feature("days_late", "number", 1, "Days past due."),
    Feature("months_on_book", "number", -1, "Months since disbursement."),
    Feature("utilisation", "number", 0, "Share of the limit used."),
    Feature("region", "category", 0, "Region."),
    Feature("noise", "number", 0, "Nothing."),
    Feature("days_late_again", "number", 1, "Days past due, nearly."),
    Feature("never_known", "number", 0, "Always missing."),
    Feature("one_value", "number", 0, "Always one."),
)
ENCODING = Encoding(FEATURES, {"region": ("north", "south", "west")})


@pytest.fixture(scope="module")
def sample():
    generator = np.random.default_rng(21)
    late = generator.exponential(5, ROWS)
    book = generator.uniform(0, 36, ROWS)
    used = generator.uniform(0, 1, ROWS)
    region = generator.integers(0, 3, ROWS)
    noise = generator.normal(size=ROWS)
    margin = -3.5 + 0.15 * late - 0.04 * book + used + 0.6 * (region == 2)
    y = (generator.random(ROWS) < 1 / (1 + np.exp(-margin))).astype(float)
    used[generator.random(ROWS) < 0.1] = np.nan
    again = late + generator.normal(0, 0.01, ROWS)
    unknown, one = np.full(ROWS, np.nan), np.ones(ROWS)
    columns = [late, book, used, region, noise, again, unknown, one]
    return np.column_stack(columns).astype(np.float32), y


@pytest.fixture(scope="module")
def model(sample):
    return WoeLogit.fit(*sample, ENCODING, seed=1)


def weights(model, x):
    """Weights of evidence from the published table of bins, one column per feature."""
    names = [feature.name for feature in FEATURES]
    return np.column_stack(
        [bins.woe[bins.codes(x[:, names.index(bins.name)])] for bins in model.bins]
    )


def test_coefficients_are_those_of_statsmodels(model, sample):
    x, y = sample
    fitted = sm.Logit(y, sm.add_constant(weights(model, x))).fit(disp=0, tol=1e-12)
    ours = [model.intercept, *model.coefficients]
    assert ours == pytest.approx(fitted.params.tolist(), abs=1e-6)
    assert not model.is_penalised


def test_coefficients_are_those_of_a_generalised_linear_model(model, sample):
    x, y = sample
    design = sm.add_constant(weights(model, x))
    fitted = sm.GLM(y, design, family=sm.families.Binomial()).fit(tol=1e-12)
    ours = [model.intercept, *model.coefficients]
    assert ours == pytest.approx(fitted.params.tolist(), abs=1e-6)


def test_the_margin_is_the_linear_combination_of_weights(model, sample):
    x, _ = sample
    expected = model.intercept + weights(model, x) @ model.coefficients
    assert model.margin(x) == pytest.approx(expected, abs=1e-12)


def test_all_coefficients_are_negative(model):
    assert (model.coefficients < 0).all()


def test_the_model_ranks_as_the_truth_does_and_is_calibrated(model, sample):
    x, y = sample
    margin = model.margin(x)
    assert roc_auc_score(y, margin) > 0.72
    line = calibration_slope_intercept(y, 1 / (1 + np.exp(-margin)))
    assert line == pytest.approx((1.0, 0.0), abs=1e-6)


def test_features_that_tell_are_kept_the_most_telling_first(model):
    kept = [bins.name for bins in model.bins]
    assert set(kept) - {"days_late", "days_late_again"} == {
        "months_on_book",
        "utilisation",
        "region",
    }
    values = [bins.information_value for bins in model.bins]
    assert values == sorted(values, reverse=True)


def test_every_feature_left_out_has_its_reason(model):
    twin = {"days_late", "days_late_again"} & set(model.dropped)
    assert len(twin) == 1
    assert re.fullmatch(
        r"correlation 0\.9\d with days_late.*|correlation 1\.00 with days_late.*",
        model.dropped[twin.pop()],
    )
    assert re.fullmatch(
        r"information value 0\.00\d\d below 0\.01", model.dropped["noise"]
    )
    assert model.dropped["never_known"] == "all values are missing"
    assert model.dropped["one_value"] == "constant"


def test_a_feature_another_one_turns_around_is_left_out():
    # b rises with the event only because a does; given a, it lowers the risk.
    generator = np.random.default_rng(8)
    a = generator.normal(size=ROWS)
    b = 0.8 * a + 0.6 * generator.normal(size=ROWS)
    y = (generator.random(ROWS) < 1 / (1 + np.exp(3 - 2 * a + 0.6 * b))).astype(float)
    pair = Encoding(tuple(Feature(name, "number", 0, "") for name in "ab"), {})
    model = WoeLogit.fit(np.column_stack([a, b]).astype(np.float32), y, pair, seed=1)
    assert [bins.name for bins in model.bins] == ["a"]
    assert re.fullmatch(
        r"coefficient \+0\.\d+ against its own evidence", model.dropped["b"]
    )


def test_contributions_add_up_to_the_margin(model, sample):
    x, _ = sample
    parts = model.contributions(x)
    assert parts.shape == (ROWS, len(model.bins))
    assert parts.sum(axis=1) + model.base_margin == pytest.approx(
        model.margin(x), abs=1e-12
    )


def test_contributions_are_relative_to_the_population(model, sample):
    x, _ = sample
    assert model.contributions(x).mean(axis=0) == pytest.approx(
        np.zeros(len(model.bins)), abs=1e-9
    )


def test_contributions_are_positive_where_risk_is_raised(model, sample):
    x, _ = sample
    names = [bins.name for bins in model.bins]
    late = next(j for j, name in enumerate(names) if name.startswith("days_late"))
    parts = model.contributions(x)[:, late]
    assert parts[x[:, 0].argmax()] > 0 > parts[x[:, 0].argmin()]


def test_the_table_lists_every_bin_with_its_log_odds(model, sample):
    _, y = sample
    table = model.table()
    assert len(table) == sum(len(bins.events) for bins in model.bins)
    by_feature = table.groupby("feature")
    assert (by_feature["rows"].sum() == ROWS).all()
    assert (by_feature["events"].sum() == y.sum()).all()
    one = table[table["feature"] == "region"].set_index("bin")
    assert one.loc["west", "log_odds"] > 0
    assert np.isnan(one.loc["missing", "event_rate"])


def test_the_same_rows_and_seed_give_the_same_model(model, sample):
    again = WoeLogit.fit(*sample, ENCODING, seed=1)
    assert again.bins == model.bins
    assert again.coefficients.tolist() == model.coefficients.tolist()


def test_the_order_of_rows_does_not_matter(model, sample):
    x, y = sample
    order = np.random.default_rng(0).permutation(ROWS)
    again = WoeLogit.fit(x[order], y[order], ENCODING, seed=1)
    assert again.bins == model.bins
    assert again.coefficients == pytest.approx(model.coefficients, abs=1e-9)


def test_rows_that_cannot_be_counted_give_the_same_coefficients(
    model, sample, monkeypatch
):
    def as_they_are(codes, y):
        return logit._Rows(codes, y, np.ones(len(y)))

    monkeypatch.setattr(logit, "_counted", as_they_are)
    plain = WoeLogit.fit(*sample, ENCODING, seed=1)
    assert plain.coefficients == pytest.approx(model.coefficients, abs=1e-9)


def test_drawing_non_events_leaves_the_level_of_risk(model, sample, monkeypatch):
    monkeypatch.setattr(logit, "MOST_ROWS", 500)
    x, _ = sample
    drawn = WoeLogit.fit(*sample, ENCODING, seed=1)
    assert drawn.intercept == pytest.approx(model.intercept, abs=0.3)
    assert np.corrcoef(drawn.margin(x), model.margin(x))[0, 1] > 0.97


def test_the_model_survives_its_folder(model, sample, tmp_path):
    x, _ = sample
    model.save(tmp_path / "logit")
    loaded = WoeLogit.load(tmp_path / "logit")
    assert loaded.margin(x).tolist() == model.margin(x).tolist()
    assert loaded.contributions(x).tolist() == model.contributions(x).tolist()
    assert (loaded.bins, loaded.dropped) == (model.bins, model.dropped)


def test_a_file_with_another_type_is_not_loaded(model, tmp_path):
    from skops import io

    model.save(tmp_path)
    io.dump(re.compile("a"), tmp_path / REGRESSION_FILE)
    with pytest.raises(ModelError, match="no logit can be read"):
        WoeLogit.load(tmp_path)


@pytest.mark.parametrize("name", [BINS_FILE, REGRESSION_FILE])
@pytest.mark.parametrize("damage", ["absent", "cut"])
def test_a_damaged_folder_is_refused(model, tmp_path, name, damage):
    model.save(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    if damage == "cut":
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"no logit can be read.*Train the month again"):
        WoeLogit.load(tmp_path)


def test_a_new_category_scores_as_a_missing_one(model, sample):
    x, _ = sample
    rows = np.repeat(x[:1], 3, axis=0)
    rows[:, 3] = [np.nan, 17, -1]
    margin = model.margin(rows)
    assert np.isfinite(margin).all()
    # No region was missing in fitting, so all of them weigh nothing.
    assert len(set(margin.tolist())) == 1


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_one_class_only_is_refused(sample, only):
    x, _ = sample
    with pytest.raises(ModelError, match=r"both outcomes.*Widen the training window"):
        WoeLogit.fit(x, np.full(ROWS, only), ENCODING, seed=1)


@pytest.mark.parametrize("sign", [-1, 1])
def test_an_infinite_value_is_refused_by_its_features_name(model, sample, sign):
    x, y = sample
    wrong = x.copy()
    wrong[5, 1] = sign * np.inf
    for use in (
        lambda: WoeLogit.fit(wrong, y, ENCODING, seed=1),
        lambda: model.margin(wrong),
        lambda: model.contributions(wrong),
    ):
        with pytest.raises(
            ModelError, match=r"feature months_on_book: 1 values are infinite"
        ):
            use()


def test_a_model_without_features_is_refused_with_every_reason(sample):
    x, y = sample
    blank = np.full_like(x, np.nan)
    blank[:, 4] = x[:, 4]
    with pytest.raises(ModelError, match="no feature is left") as refused:
        WoeLogit.fit(blank, y, ENCODING, seed=1)
    assert "never_known: all values are missing" in str(refused.value)
    assert "noise: information value" in str(refused.value)


def test_other_columns_are_refused(model, sample):
    x, y = sample
    with pytest.raises(ModelError, match="8 columns are expected"):
        model.margin(x[:, :7])
    with pytest.raises(ModelError, match="8 columns are expected"):
        WoeLogit.fit(x[:, :7], y, ENCODING, seed=1)


def test_classes_that_do_not_overlap_give_a_finite_penalised_model():
    # No feature alone tells the classes apart; the three together do.
    x = np.random.default_rng(6).integers(0, 3, (5_000, 3)).astype(np.float32)
    y = (x.sum(axis=1) >= 3).astype(float)
    three = Encoding(tuple(Feature(name, "number", 1, "") for name in "abc"), {})
    model = WoeLogit.fit(x, y, three, seed=1)
    assert model.is_penalised
    assert np.abs(model.margin(x)).max() < 50
    assert roc_auc_score(y, model.margin(x)) == 1


def test_missing_values_without_any_event_give_a_finite_penalised_model():
    x = np.ones((4_000, 1), np.float32)
    x[:1_000] = np.nan
    y = np.zeros(4_000)
    y[2_000:2_100] = 1
    one = Encoding((Feature("a", "number", 0, ""),), {})
    margin = WoeLogit.fit(x, y, one, seed=1).margin(x)
    assert -15 < margin[0] < margin[-1] < -3


def test_a_segment_of_three_loans_is_refused_clearly():
    x = np.array([[1.0], [2.0], [3.0]], np.float32)
    one = Encoding((Feature("a", "number", 0, ""),), {})
    with pytest.raises(ModelError, match="no feature is left: a: tells every event"):
        WoeLogit.fit(x, np.array([0.0, 0.0, 1.0]), one, seed=1)
