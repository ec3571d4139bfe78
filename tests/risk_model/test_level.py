"""Taking out the level of each month."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from comove.risk_model.level import MonthLevels, level_free_log_loss, without_level


def drawn(seed: int, levels: list[float], n: int = 4000) -> tuple:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(levels)), n)
    margin = rng.normal(-2.0, 1.0, len(group))
    y = (rng.random(len(group)) < expit(margin + np.array(levels)[group])).astype(float)
    return margin, y, group


def test_each_month_expects_as_many_events_as_happened() -> None:
    margin, y, group = drawn(1, [-0.5, 0.0, 1.0])
    p = expit(without_level(margin, y, group))
    assert np.bincount(group, p) == pytest.approx(np.bincount(group, y), rel=1e-6)


def test_the_shift_is_the_intercept_statsmodels_finds_beside_an_offset() -> None:
    margin, y, group = drawn(2, [0.7])
    shift = (without_level(margin, y, group) - margin)[0]
    fitted = sm.GLM(y, np.ones_like(y), sm.families.Binomial(), offset=margin).fit()
    assert shift == pytest.approx(fitted.params[0], abs=1e-6)


def test_the_level_of_a_month_does_not_change_the_loss() -> None:
    margin, y, group = drawn(3, [0.0, 0.3])
    moved = margin + np.where(group == 0, 0.8, -0.4)
    assert level_free_log_loss(moved, y, group) == pytest.approx(
        level_free_log_loss(margin, y, group), abs=1e-7
    )


def test_margins_that_tell_borrowers_apart_lose_less_than_equal_ones() -> None:
    margin, y, group = drawn(4, [0.0, 2.0])
    flat = np.zeros_like(margin)
    assert level_free_log_loss(margin, y, group) < level_free_log_loss(flat, y, group)


def test_a_month_without_events_stays_finite() -> None:
    margin, y, group = drawn(5, [0.0, 0.0], n=50)
    y[group == 1] = 0
    shifted = without_level(margin, y, group)
    assert np.isfinite(shifted).all()
    assert np.abs(shifted - margin).max() == pytest.approx(3.0)


def test_a_row_of_weight_two_counts_as_two_rows() -> None:
    margin, y, group = drawn(6, [0.4], n=300)
    weight = np.where(np.arange(300) % 3 == 0, 2.0, 1.0)
    times = weight.astype(int)
    weighted = level_free_log_loss(margin, y, group, weight)
    repeated = level_free_log_loss(
        *(np.repeat(part, times) for part in (margin, y, group))
    )
    assert weighted == pytest.approx(repeated, abs=1e-10)


def test_the_quick_loss_of_probabilities_is_that_of_their_log_odds() -> None:
    margin, y, group = drawn(7, [0.0, 1.2, -0.6])
    weight = np.random.default_rng(7).uniform(0.5, 8.0, len(y))
    slow, quick = (MonthLevels(y, group, weight) for _ in range(2))
    # As boosting goes on: each round starts from the shifts of the one before.
    for growth in (0.2, 0.6, 1.0, 1.4):
        p = expit(growth * margin).astype(np.float32).astype(np.float64)
        assert quick.log_loss_of(p) == pytest.approx(
            slow.log_loss(logit(p), steps=1), rel=1e-12
        )


def test_the_quick_loss_stays_finite_for_certain_probabilities() -> None:
    levels = MonthLevels(np.array([0.0, 1.0, 1.0]), None)
    assert np.isfinite(levels.log_loss_of(np.array([0.0, 0.0, 1.0])))


def test_the_order_of_rows_does_not_matter() -> None:
    margin, y, group = drawn(8, [0.3, -0.4], n=500)
    shuffled = np.random.default_rng(8).permutation(len(y))
    mixed = without_level(margin[shuffled], y[shuffled], group[shuffled])
    assert mixed == pytest.approx(without_level(margin, y, group)[shuffled], abs=1e-12)
