"""Words and rounded figures never disagree, whatever the numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.monthly_report.words import Unit, change, counted, listed, shown

NUMBERS = {
    Unit.SHARE: st.floats(0, 1),
    Unit.COUNT: st.integers(0, 10**9).map(float),
    **dict.fromkeys(
        (Unit.AMOUNT, Unit.EXPECTED, Unit.RATIO, Unit.FACTOR),
        st.floats(-1e9, 1e9, allow_nan=False),
    ),
}
PAIRS = st.sampled_from(list(Unit)).flatmap(
    lambda unit: st.tuples(st.just(unit), NUMBERS[unit], NUMBERS[unit])
)


def written(text: str) -> list[float]:
    """Numbers as a reader takes them from a text."""
    plain = text.replace(",", "")
    return [float(found) for found in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", plain)]


@given(PAIRS)
def test_what_rises_in_words_rises_in_its_figures(
    drawn: tuple[Unit, float, float],
) -> None:
    unit, before, now = drawn
    said, figures = change(before, now, unit), written(change(before, now, unit))
    if said.startswith("stayed"):
        assert len(figures) == 1
        return
    then, today = figures
    assert said.startswith("rose" if today > then else "fell")
    assert then != today


@given(PAIRS)
def test_the_way_back_is_told_the_other_way_round(
    drawn: tuple[Unit, float, float],
) -> None:
    unit, before, now = drawn
    there, back = change(before, now, unit), change(now, before, unit)
    assert {there.split()[0], back.split()[0]} in ({"rose", "fell"}, {"stayed"})


@given(PAIRS)
def test_a_figure_is_within_half_of_its_last_digit(
    drawn: tuple[Unit, float, float],
) -> None:
    unit, value, _ = drawn
    (found,) = written(shown(value, unit))
    if unit is Unit.SHARE:
        assert found / 100 == pytest.approx(value, rel=0.00501)
        return
    last = {Unit.EXPECTED: 0.1, Unit.RATIO: 0.01, Unit.FACTOR: 0.01}.get(unit, 1.0)
    assert abs(found - value) <= last / 2 + 1e-6


@given(st.floats(-0.0049, 0.0049))
def test_no_zero_has_a_sign(value: float) -> None:
    assert shown(value, Unit.FACTOR) == "0.00"


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_what_is_not_known_is_not_compared(nothing: float | None) -> None:
    assert change(nothing, 0.012, Unit.SHARE) == "is 1.2 %"
    assert shown(nothing, Unit.AMOUNT) == "-"


def test_one_is_singular() -> None:
    assert counted(1.0, "freeze", "freezes") == "1 freeze"
    assert counted(12.0, "freeze", "freezes") == "12 freezes"
    assert counted(0.0, "freeze", "freezes") == "0 freezes"


def test_names_are_joined_as_in_a_sentence() -> None:
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a"]) == "a"
