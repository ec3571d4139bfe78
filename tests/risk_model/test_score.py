"""The application score, checked by hand and by its formula."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.errors import SettingsError
from comove.risk_model.score import ScoreScale

SCALE = ScoreScale(base_points=600, base_odds=20, points_to_double_odds=50)
probabilities = st.floats(0, 1)
scales = st.builds(
    ScoreScale,
    base_points=st.floats(300, 850),
    base_odds=st.floats(0.01, 1000),
    points_to_double_odds=st.floats(1, 200),
)


@pytest.mark.parametrize(
    ("odds", "points"), [(10, 550), (20, 600), (40, 650), (80, 700), (160, 750)]
)
def test_twice_the_odds_are_so_many_points_more(odds, points):
    assert SCALE.score(1 / (1 + odds)) == pytest.approx(points, abs=0.005)


def test_equals_the_formula_worked_out_with_plain_floats():
    # 600 + 50 / ln 2 * (ln(0.9 / 0.1) - ln 20) = 542.3998...
    by_hand = 600 + 50 / math.log(2) * (math.log(0.9 / 0.1) - math.log(20))
    assert SCALE.score([0.1])[0] == round(by_hand, 2) == 542.4


def test_certainty_and_impossibility_are_the_ends_of_the_scale():
    assert SCALE.score([0.0, 1.0, 1e-300, 1 - 1e-16]).tolist() == [850, 300, 850, 300]


def test_an_unknown_probability_has_no_score():
    assert np.isnan(SCALE.score([float("nan")])).all()


@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("inf")])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match=r"outside of 0\.\.1"):
        SCALE.score([wrong])


@given(scale=scales, pair=st.tuples(probabilities, probabilities))
def test_a_higher_probability_never_has_a_higher_score(scale, pair):
    low, high = sorted(pair)
    safer, riskier = scale.score([low, high])
    assert safer >= riskier


@given(scale=scales, probability=probabilities)
def test_every_score_is_within_300_and_850_and_has_two_decimals(scale, probability):
    points = float(scale.score(probability))
    assert 300 <= points <= 850
    assert round(points, 2) == points


@given(scale=scales, probability=st.floats(1e-6, 1 - 1e-6))
def test_the_way_back_is_exact_up_to_rounding(scale, probability):
    points = float(scale.score(probability))
    if 300 < points < 850:
        back = float(scale.probability(points))
        tolerance = 0.005 * math.log(2) / scale.points_to_double_odds
        log_odds = math.log(probability / (1 - probability))
        assert math.log(back / (1 - back)) == pytest.approx(
            log_odds, abs=tolerance * 1.01
        )


def test_takes_the_scale_of_the_settings(make_settings):
    settings = make_settings(
        score_base_points=500, score_base_odds=1, score_points_to_double_odds=20
    )
    assert ScoreScale.of(settings).score([0.5, 1 / 3]).tolist() == [500, 520]


@pytest.mark.parametrize(
    "numbers", [(200, 20, 50), (600, 0, 50), (600, 20, 0), (600, 20, math.inf)]
)
def test_numbers_that_make_no_scale_are_refused(numbers):
    with pytest.raises(SettingsError, match="no scale"):
        ScoreScale(*numbers)
