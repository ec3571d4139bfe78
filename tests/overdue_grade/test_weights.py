"""The weight's recursion in SQL: a table worked by hand, and what holds always."""

from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from comove.home import project_root

FILE = project_root() / "dbt_project" / "macros" / "overdue_grade" / "weights.sql"
MACROS: Any = Environment().from_string(FILE.read_text()).module  # noqa: S701 - SQL of ours
# One step of a chain, as the model's recursion takes it.
STEP = f"""
    select
        weight,
        1e0 - weight as weight_current,
        {MACROS.overdue_composite("weight", "extreme", "current_extreme")} as composite
    from (
        select
            given.*,
            {MACROS.next_weight("before", "extreme", "extreme_before", "given")} as weight
        from (
            select
                $before::double as before,
                $extreme::integer as extreme,
                $extreme_before::integer as extreme_before,
                $current::integer as current_extreme,
                $low::double as min_weight,
                $high::double as max_weight,
                $eta::double as adjustment
        ) as given
    )
"""
Point = tuple[int, int]
CONNECTION = duckdb.connect()


def chain(
    points: list[Point], *, first: float, low: float, high: float, eta: float
) -> list[tuple[float, float, float]]:
    """Weight, its rest and composite at each (historical, current) extreme."""
    found, weight, before = [], first, None
    for extreme, current in points:
        values = {"before": weight, "extreme": extreme, "extreme_before": before}
        values |= {"current": current, "low": low, "high": high, "eta": eta}
        row = CONNECTION.execute(STEP, values).fetchone()
        assert row is not None
        found.append(row)
        weight, before = row[0], extreme
    return found


def test_weights_equal_the_table_worked_by_hand() -> None:
    """First weight 0.5, limits 0.2 and 0.8, coefficient 0.5 (docs/overdue-grades.md)."""
    points = [(0, 0), (30, 30), (45, 0), (45, 0), (9, 0), (0, 0), (0, 0), (60, 60)]
    by_hand = [
        (0.5, 0.0),  # first point: the first weight
        (0.75, 30.0),  # 0.5 x (1 + 0.5 x 30/30)
        (0.8, 36.0),  # 0.75 x (1 + 0.5 x 15/45) = 0.875, clipped
        (0.8, 36.0),  # nothing has changed
        (0.48, 4.32),  # 0.8 x (1 - 0.5 x 36/45)
        (0.24, 0.0),  # 0.48 x (1 - 0.5 x 9/9)
        (0.24, 0.0),  # 0 to 0: divided by 1, no change
        (0.36, 60.0),  # 0.24 x (1 + 0.5 x 60/60); both extremes are 60
    ]
    found = chain(points, first=0.5, low=0.2, high=0.8, eta=0.5)
    for (weight, rest, composite), (expected, days) in zip(found, by_hand, strict=True):
        assert weight == pytest.approx(expected, abs=1e-12)
        assert rest == pytest.approx(1 - expected, abs=1e-12)
        assert composite == pytest.approx(days, abs=1e-9)


def test_a_vanished_extreme_is_clipped_at_the_lower_limit() -> None:
    """0.5 x (1 - 0.9) = 0.05 lies below 0.2."""
    found = chain([(9, 9), (0, 0)], first=0.5, low=0.2, high=0.8, eta=0.9)
    assert found[1][0] == 0.2


@pytest.mark.parametrize("weight", [0.2, 0.55, 0.7, 0.8])
def test_equal_extremes_weigh_what_they_are(weight: float) -> None:
    """0.55 x 60 + 0.45 x 60 is 60 days exactly, the first of the band above."""
    found = chain([(60, 60)], first=weight, low=0.2, high=0.8, eta=0.5)
    assert found[0][2] == 60.0


@st.composite
def _points(draw: st.DrawFn) -> list[Point]:
    extremes = draw(st.lists(st.integers(0, 4000), min_size=1, max_size=12))
    return [(extreme, draw(st.integers(0, extreme))) for extreme in extremes]


@st.composite
def _rules(draw: st.DrawFn) -> dict[str, float]:
    share = st.floats(0, 1)
    low, first, high = sorted([draw(share), draw(share), draw(share)])
    eta = draw(st.floats(0, 1, exclude_max=True))
    return {"first": first, "low": low, "high": high, "eta": eta}


@settings(max_examples=150, deadline=None)
@given(points=_points(), rules=_rules())
def test_weights_keep_their_limits_and_sum_to_one_at_every_point(
    points: list[Point], rules: dict[str, float]
) -> None:
    weight, before = rules["first"], None
    for (historical, current), (found, rest, composite) in zip(
        points, chain(points, **rules), strict=True
    ):
        assert rules["low"] <= found <= rules["high"]
        assert abs(found + rest - 1) <= 1e-15
        assert current - 1e-9 <= composite <= historical + 1e-9
        if before is not None:
            change = (historical - before) / max(historical, before, 1)
            stepped = weight * (1 + rules["eta"] * change)
            weight = min(rules["high"], max(rules["low"], stepped))
        assert found == pytest.approx(weight, abs=1e-12)
        before = historical
