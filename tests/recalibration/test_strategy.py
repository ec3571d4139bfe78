"""The strategy of a score: what it may say, and how it is changed."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.recalibration.small_lender import change

from comove.connection import connect
from comove.recalibration.loans import LoansByScore
from comove.recalibration.strategy import (
    Band,
    RecalibrationError,
    Strategy,
    checked,
    read_seed,
)
from comove.settings import Settings

WATCHED = Band("watched", 450.0, 550.0, "review", 0.5)
STANDARD = Band("standard", 550.0, 650.0, "approve", 0.8)
PREFERRED = Band("preferred", 650.0, None, "approve", 1.0)
STRATEGY = Strategy(
    (Band("refused", None, 450.0, "refuse", 0.0), WATCHED, STANDARD, PREFERRED)
)
SCORES = np.arange(400.0, 800.0)
LOANS = LoansByScore(SCORES, np.full(400, 9), np.full(400, 1))


def test_the_seed_is_read_lowest_score_first(lender: Settings) -> None:
    with connect(lender) as connection:
        assert read_seed(connection) == STRATEGY


def test_the_cutoff_is_the_lowest_score_that_is_not_refused() -> None:
    assert STRATEGY.cutoff == 450
    assert STRATEGY.edges == (550, 650)
    assert Strategy((Band("all", None, None, "approve", 1.0),)).cutoff == -math.inf


def said(strategy: Strategy) -> list[tuple[float | None, float | None, str, float]]:
    return [(b.score_from, b.score_to, b.action, b.limit_factor) for b in strategy.bands]


def test_a_higher_cutoff_takes_from_the_band_that_holds_it() -> None:
    assert said(STRATEGY.moved(500)) == [
        (None, 500, "refuse", 0.0),
        (500, 550.0, "review", 0.5),
        (550.0, 650.0, "approve", 0.8),
        (650.0, None, "approve", 1.0),
    ]


def test_bands_wholly_below_the_cutoff_go() -> None:
    assert said(STRATEGY.moved(650)) == [
        (None, 650, "refuse", 0.0),
        (650, None, "approve", 1.0),
    ]


def test_a_lower_cutoff_lets_the_lowest_band_reach_down() -> None:
    assert said(STRATEGY.moved(420))[:2] == [
        (None, 420, "refuse", 0.0),
        (420, 550.0, "review", 0.5),
    ]


def test_new_bands_keep_the_limits_of_their_loans_in_sum() -> None:
    changed = STRATEGY.regrouped((500.0, 600.0), LOANS)
    # 50 scores at 0.5; 50 at 0.5 and 50 at 0.8; 50 at 0.8 and 150 at 1.
    assert said(changed) == [
        (None, 450.0, "refuse", 0.0),
        (450.0, 500.0, "review", 0.5),
        (500.0, 600.0, "approve", 0.65),
        (600.0, None, "approve", 0.95),
    ]


@settings(deadline=None)
@given(
    st.floats(410, 700),
    st.lists(st.integers(1, 90), min_size=1, max_size=6, unique=True),
)
def test_no_change_ever_treats_a_better_score_worse(cutoff: float, at: list[int]) -> None:
    moved = STRATEGY.moved(cutoff)
    taken = LOANS.between(cutoff, math.inf).score
    edges = tuple(float(taken[len(taken) * k // 100]) for k in sorted(at))
    edges = tuple(sorted({edge for edge in edges if edge > taken[0]}))
    changed = moved.regrouped(edges, LOANS)
    checked(changed, where="here")
    factors = [band.limit_factor for band in changed.bands]
    assert factors == sorted(factors)
    assert changed.edges == edges


def test_equal_strategies_have_equal_hashes() -> None:
    assert STRATEGY.content_hash == Strategy(STRATEGY.bands).content_hash
    assert STRATEGY.content_hash != STRATEGY.moved(460).content_hash


@pytest.mark.parametrize(
    ("bands", "sentence"),
    [
        ((), "there is no band"),
        ((WATCHED, STANDARD, PREFERRED), "'watched' leaves scores beyond it"),
        ((STRATEGY.bands[0], STANDARD), "'standard' does not begin where 'refused' ends"),
        (
            (STRATEGY.bands[0], Band("watched", 450.0, None, "wait", 1.0)),
            "none of refuse, review, approve",
        ),
        (
            (Band("all", None, None, "refuse", 0.5),),
            "'all' refuses, and yet has a limit_factor",
        ),
        ((Band("all", None, None, "approve", 0.0),), r"limit_factor outside of \(0, 1\]"),
        (
            (
                Band("low", None, 500.0, "approve", 0.5),
                Band("high", 500.0, None, "review", 0.5),
            ),
            "'high' is treated worse than 'low' below it",
        ),
        (
            (
                Band("low", None, 500.0, "approve", 1.0),
                Band("high", 500.0, None, "approve", 0.5),
            ),
            "'high' gets less than 'low' below it",
        ),
        (
            (
                Band("low", None, 500.0, "approve", 1.0),
                Band("mid", 500.0, 500.0, "approve", 1.0),
                Band("high", 500.0, None, "approve", 1.0),
            ),
            "'mid' is empty",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused_naming_the_band(
    bands: tuple[Band, ...], sentence: str
) -> None:
    with pytest.raises(RecalibrationError, match=sentence):
        checked(Strategy(bands), where="here")


def test_a_seed_that_is_not_loaded_names_the_task(lender: Settings) -> None:
    change(lender, "drop table risk.score_strategies")
    with (
        connect(lender) as connection,
        pytest.raises(RecalibrationError, match="load_strategy"),
    ):
        read_seed(connection)
