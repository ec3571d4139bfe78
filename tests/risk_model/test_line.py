"""The penalised line: as scikit-learn's pipeline, explained, and kept."""

import numpy as np
import pytest
from scipy.special import expit

from comove.errors import ModelError
from comove.risk_model.features import Feature
from comove.risk_model.line import PenalisedLine
from comove.risk_model.matrix import Encoding
from comove.risk_model.plain import plain_logistic
from comove.risk_model.trees import Sample

FEATURES = (
    Feature("income", "number", 0, ""),
    Feature("ratio", "number", 0, ""),
    Feature("region", "category", 0, ""),
    Feature("nobody_knows", "number", 0, ""),
)
REGIONS = ("east", "north", "rare", "south", "unseen")
ENCODING = Encoding(FEATURES, {"region": REGIONS})


def rows(count: int = 1_500, seed: int = 5) -> Sample:
    """Numbers with missing and huge values, a category with rare and missing ones."""
    rng = np.random.default_rng(seed)
    region = rng.choice([0, 1, 2, 3, np.nan], count, p=[0.4, 0.3, 0.004, 0.246, 0.05])
    income, ratio = rng.normal(size=(2, count))
    ratio[rng.random(count) < 0.002] *= 1e6
    income[rng.random(count) < 0.1] = np.nan
    log_odds = -2 + np.nan_to_num(income) + 1.2 * (region == 3) + 0.5 * np.isnan(income)
    y = (rng.random(count) < expit(log_odds)).astype(float)
    x = np.column_stack([income, ratio, region, np.full(count, np.nan)])
    return Sample(x.astype(np.float32), y)


@pytest.fixture(scope="module")
def line() -> PenalisedLine:
    return PenalisedLine.fit(rows(), ENCODING)


def test_it_says_what_scikit_learns_pipeline_says(line: PenalisedLine) -> None:
    new = rows(seed=6).x
    new[:20, 2] = 4
    expected = plain_logistic(rows(), new, ENCODING)
    assert expit(line.margin(new)) == pytest.approx(expected, abs=2e-3)


def test_contributions_and_the_intercept_make_up_the_margin(line: PenalisedLine) -> None:
    x = rows(seed=7).x
    parts = line.contributions(x)
    assert parts.shape == x.shape
    assert parts.sum(axis=1) + line.intercept == pytest.approx(line.margin(x))
    assert not parts[:, 3].any()


def test_it_is_read_as_it_was_kept(line: PenalisedLine, tmp_path) -> None:
    line.save(tmp_path)
    assert PenalisedLine.load(tmp_path) == line


def test_other_columns_are_refused(line: PenalisedLine) -> None:
    with pytest.raises(ModelError, match="4 are expected"):
        line.margin(rows().x[:, :2])
