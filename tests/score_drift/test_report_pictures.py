"""What a reader sees of each cell of the matrix: colour, hatching, number, frame."""

import functools

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from tests.score_drift.made_drift import ABSENT, MONTHS, PARENTS, made_drift

from comove.score_drift.report_pictures import PALE, change_picture, matrix_picture

STAGES = list(PARENTS)
# Of the made matrix a thin month, a judged, a drifted and an immature one are enough.
SHOWN = [MONTHS[6], MONTHS[10], MONTHS[21], MONTHS[35]]
THIN, JUDGED, DRIFTED, IMMATURE = (("credit_approved", place) for place in range(4))


@functools.cache
def cells_of(label: str) -> pd.DataFrame:
    drift = made_drift()
    return drift[(drift["label"] == label) & drift["cohort_month"].isin(SHOWN)]


@functools.cache
def axes_of(label: str, column: str = "ks") -> Axes:
    draw = matrix_picture if column == "ks" else change_picture
    (axes,) = draw(cells_of(label), "made").axes
    return axes


def cell(
    place: tuple[str, int], column: str = "ks"
) -> tuple[Rectangle, Text, list[Rectangle]]:
    """The filled square of a cell, its number, and its frames of drift."""
    stage, month = place
    x, y = month, STAGES.index(stage)
    axes = axes_of("policy", column)
    inside = [
        patch
        for patch in axes.patches
        if isinstance(patch, Rectangle)
        and (int(patch.get_x()), int(patch.get_y())) == (x, y)
    ]
    (square,) = (patch for patch in inside if patch.get_fill())
    (number,) = (t for t in axes.texts if t.get_position() == (x + 0.5, y + 0.5))
    frames = [one for one in inside if not one.get_fill() and one.get_width() < 1]
    return square, number, frames


def ks_of(place: tuple[str, int], column: str = "ks") -> float:
    stage, month = place
    rows = cells_of("policy").set_index(["stage", "cohort_month"])
    return float(rows.loc[(stage, SHOWN[month]), column])


@pytest.mark.parametrize("column", ["ks", "drift_change"])
@pytest.mark.parametrize(("place", "hatch"), [(THIN, "////"), (IMMATURE, "....")])
def test_cells_that_are_not_judged_are_grey_hatched_and_have_their_number(
    place: tuple[str, int], hatch: str, column: str
) -> None:
    square, number, frames = cell(place, column)
    assert same_color(square.get_facecolor(), PALE)
    assert square.get_hatch() == hatch
    assert number.get_text() == str(round(100 * ks_of(place, column)))
    assert frames == []


@pytest.mark.parametrize("column", ["ks", "drift_change"])
def test_a_judged_cell_is_coloured_and_not_hatched(column: str) -> None:
    square, number, frames = cell(JUDGED, column)
    assert not same_color(square.get_facecolor(), PALE)
    assert square.get_hatch() is None
    assert number.get_text() == str(round(100 * ks_of(JUDGED, column)))
    assert (number.get_fontweight(), frames) == ("normal", [])


def test_a_larger_ks_has_a_darker_cell() -> None:
    def light(place: tuple[str, int]) -> float:
        return sum(cell(place)[0].get_facecolor()[:3])

    judged = [("credit_applied", 1), JUDGED, ("drawdown_applied", 1), DRIFTED]
    by_ks = sorted(judged, key=ks_of)
    assert sorted(judged, key=light, reverse=True) == by_ks


def test_a_drift_is_framed_and_bold() -> None:
    square, number, frames = cell(DRIFTED)
    assert len(frames) == 1
    assert number.get_fontweight() == "bold"
    assert square.get_hatch() is None


def test_an_absent_stage_says_so_and_one_without_outcomes_is_empty() -> None:
    square, number, _ = cell((ABSENT, 1))
    assert (number.get_text(), square.get_hatch()) == ("n/a", None)
    assert same_color(square.get_facecolor(), PALE)
    texts = {t.get_text() for t in axes_of("performance").texts}
    assert cells_of("performance")["ks"].isna().any()
    assert "" in texts
    assert not any("nan" in text for text in texts)


def test_every_cell_has_one_square_and_one_number() -> None:
    axes = axes_of("policy")
    squares = [patch for patch in axes.patches if patch.get_fill()]
    cells = cells_of("policy")
    assert len(squares) == len(cells) == len(axes.texts)
    unsure = cells["is_thin"] | ~cells["is_mature"]
    hatched = sum(patch.get_hatch() is not None for patch in squares)
    assert hatched == int((unsure & cells["ks"].notna()).sum())
