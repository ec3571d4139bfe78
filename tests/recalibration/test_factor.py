"""Which adjustment a drift belongs to, on gaps planted by hand and drawn at random."""

import datetime as dt
import math

import numpy as np
import pytest

from comove.recalibration.drift import Drift, Flag
from comove.recalibration.factor import (
    UNEXPLAINED,
    Adjustment,
    LabelsByScore,
    MonthGap,
    main_factor,
    month_gaps,
    weigh_factors,
)

MONTHS = [dt.date(2024, month, 1) for month in range(1, 13)]
FLAG = Flag("credit_approved", "policy", MONTHS[8], 5.0, "baseline", -0.2)
# Months 9 and 10 drift; the drift before ended with month 4.
DRIFT = Drift(MONTHS[8], MONTHS[9], MONTHS[3], FLAG)


def gaps(**squares: float) -> list[MonthGap]:
    """A hundred applications a month, gaps squared by month (``m09=0.04``), else none."""
    return [MonthGap(m, 100, squares.get(f"m{m.month:02}", 0.0)) for m in MONTHS[4:10]]


def test_only_adjustments_between_two_drifts_count() -> None:
    adjustments = [
        Adjustment(dt.date(2024, 4, 30), "policy", 1.0),
        Adjustment(dt.date(2024, 5, 1), "competition", 0.2),
        Adjustment(dt.date(2024, 10, 31), "competition", 0.3),
        Adjustment(dt.date(2024, 11, 1), "management", 1.0),
    ]
    (one,) = weigh_factors(adjustments, DRIFT, gaps(m09=0.04, m10=0.04))
    assert (one.factor, one.adjustments) == ("competition", 2)
    assert one.magnitude == pytest.approx(0.5)
    assert one.weight == 1


def test_the_gap_of_a_factor_is_the_mean_over_its_exposed_applications() -> None:
    adjustments = [
        Adjustment(dt.date(2024, 7, 1), "policy", 0.4),
        Adjustment(dt.date(2024, 9, 1), "policy", 0.2),
    ]
    (one,) = weigh_factors(adjustments, DRIFT, gaps(m09=0.04, m10=0.09))
    # Exposed: 100 applications a month, by 0.4, 0.4, 0.6, 0.6 from July to October.
    assert one.exposed == pytest.approx(200)
    assert one.gap == pytest.approx(math.sqrt((60 * 0.04 + 60 * 0.09) / 200))


def test_an_adjustment_within_a_month_exposes_the_rest_of_it() -> None:
    (one,) = weigh_factors(
        [Adjustment(dt.date(2024, 9, 16), "policy", 1.0)], DRIFT, gaps(m09=0.04)
    )
    assert one.exposed == pytest.approx(100 * 15 / 30 + 100)


def test_the_main_factor_has_the_largest_gap_weighted_by_magnitude() -> None:
    adjustments = [
        Adjustment(dt.date(2024, 5, 1), "management", 0.7),
        Adjustment(dt.date(2024, 9, 1), "policy", 0.7),
        Adjustment(dt.date(2024, 9, 1), "competition", 0.1),
    ]
    found = weigh_factors(adjustments, DRIFT, gaps(m09=0.04, m10=0.04))
    assert [one.factor for one in found] == ["policy", "management", "competition"]
    assert main_factor(found) == "policy"
    # Competition was there in the same months, but hardly changed.
    assert found[2].gap == pytest.approx(found[0].gap)


def test_without_a_gap_or_an_adjustment_the_drift_is_unexplained() -> None:
    assert main_factor(weigh_factors([], DRIFT, gaps(m09=0.04))) == UNEXPLAINED
    policy = Adjustment(dt.date(2024, 9, 1), "policy", 1.0)
    assert main_factor(weigh_factors([policy], DRIFT, gaps(m09=-0.01))) == UNEXPLAINED
    before_any = weigh_factors([policy], DRIFT, [])
    assert main_factor(before_any) == UNEXPLAINED


def drawn(seed: int, shares: dict[dt.date, float], n: int) -> LabelsByScore:
    """So many applications a month; the share of good ones rises by the slope given."""
    generator = np.random.default_rng(seed)
    parts = []
    for month, slope in shares.items():
        score = generator.integers(400, 800, n).astype(float)
        good = generator.random(n) < 0.5 + slope * (score - 600) / 200
        parts.append((np.full(n, month, "datetime64[D]"), score, good))
    month, score, good = (np.concatenate(part) for part in zip(*parts, strict=True))
    return LabelsByScore(month, score, good.astype(np.int64), (~good).astype(np.int64))


def test_without_a_change_the_squared_gap_is_zero_on_average() -> None:
    found = []
    for seed in range(300):
        labels = drawn(seed, dict.fromkeys(MONTHS[:6], 0.3), 200)
        found += [g.square for g in month_gaps(labels, MONTHS[:5], [MONTHS[5]])]
    error = np.std(found) / math.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert error < 0.0005


def test_the_gap_of_a_score_gone_blind_is_how_far_shares_lay_apart() -> None:
    labels = drawn(1, dict.fromkeys(MONTHS[:5], 0.4) | {MONTHS[5]: 0.0}, 200_000)
    (one,) = month_gaps(labels, MONTHS[:5], [MONTHS[5]])
    # In ten even bands the shares lie apart by 0.4 times -0.9, -0.7, ... 0.9.
    middle = np.arange(-9, 10, 2) / 10
    assert one.square == pytest.approx(np.mean((0.4 * middle) ** 2), rel=0.02)
    assert one.applications == 200_000


def test_a_month_without_applications_has_no_gap() -> None:
    labels = drawn(1, {MONTHS[0]: 0.3}, 100)
    assert month_gaps(labels, MONTHS[:1], MONTHS[1:2]) == []


def test_without_months_before_there_is_no_prediction() -> None:
    labels = drawn(1, {MONTHS[1]: 0.3}, 100)
    assert month_gaps(labels, MONTHS[:1], MONTHS[1:2]) == []


def test_equal_scores_make_one_band() -> None:
    month = np.array(MONTHS[:2], "datetime64[D]")
    labels = LabelsByScore(
        month, np.array([600.0, 600.0]), np.array([50, 0]), np.array([50, 100])
    )
    (one,) = month_gaps(labels, MONTHS[:1], MONTHS[1:2])
    assert one.square == pytest.approx(0.25 - 0.25 * (1 / 100 + 1 / 100))
