"""What the gate is told of a fold: slopes of other months, and the newest month."""

import numpy as np
import pytest
from numpy.typing import NDArray

from comove.risk_model.blend import Blend
from comove.risk_model.calibration import Calibration, fit_calibration
from comove.risk_model.features import Feature
from comove.risk_model.fold_fit import Window, _feature_figures, _slopes_of_others
from comove.risk_model.fold_model import Head
from comove.risk_model.level import without_level
from comove.risk_model.matrix import Encoding
from comove.risk_model.trees import Sample

OWN = Head(Blend({"logit": 1.0}), Calibration(slope=0.7, intercept=0.1))
MONTHS = np.repeat([0, 1, 2], 200)
MARGIN = np.random.default_rng(1).normal(-1, 1, 600)
Y = (np.random.default_rng(2).random(600) < 1 / (1 + np.exp(-2 * MARGIN))).astype(float)


def slopes(y: NDArray[np.float64], group: NDArray[np.int64] | None) -> list[float]:
    x = np.zeros((len(y), 1), np.float32)
    found = list(_slopes_of_others(MARGIN[: len(y)], Sample(x, y, group), OWN))
    # Each row has one slope.
    assert (np.sum([rows for rows, _ in found], axis=0) == 1).all()
    return [slope for _, slope in found]


def test_a_month_is_calibrated_by_the_slope_of_the_others() -> None:
    for month, slope in enumerate(slopes(Y, MONTHS)):
        others = month != MONTHS
        free = without_level(MARGIN[others], Y[others], MONTHS[others])
        assert slope == fit_calibration(free, Y[others]).slope


def test_a_months_own_outcomes_do_not_move_its_slope() -> None:
    turned = np.where(MONTHS == 1, 1 - Y, Y)
    before, after = slopes(Y, MONTHS), slopes(turned, MONTHS)
    assert after[1] == before[1]
    assert after[0] != before[0]


def test_one_month_alone_has_the_slope_of_the_head() -> None:
    assert slopes(Y, np.zeros(600, np.int64)) == slopes(Y, None) == [0.7]


def test_where_no_other_month_has_an_event_the_head_calibrates() -> None:
    first, *others = slopes(np.where(MONTHS == 0, Y, 0), MONTHS)
    assert first == 0.7
    assert 0.7 not in others


def test_missing_values_are_counted_in_the_newest_month_only() -> None:
    """Ten rows before validation, then months of 20, 10 and 5 rows."""
    x = np.zeros((45, 2), np.float32)
    x[:5, 0] = np.nan
    x[-5:, 1] = np.nan
    group = np.repeat([3, 4, 5, 6], [10, 20, 10, 5])
    encoding = Encoding(tuple(Feature(n, "number", 0, "") for n in ("a", "b")), {})
    window = Window(Sample(x, np.zeros(45), group), 10, encoding, {}, {})
    told = _feature_figures(window)
    assert told.missing_trained == pytest.approx({"a": 0.5, "b": 0})
    assert told.missing_now == {"a": 0, "b": 1}
