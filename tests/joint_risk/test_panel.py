"""Counts: refused where they are none, ordered as the likelihood reads them."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.joint_risk.simulated_panel import Design, count, planted

from comove.joint_risk.panel import OrdinalPanel, Panel, PanelError

DESIGN = Design(regions=3, industries=2, months=4)


@pytest.fixture
def panel() -> Panel:
    return count(planted(DESIGN, seed=1), DESIGN, seed=1)


def shuffled(panel: Panel) -> Panel:
    order = np.random.default_rng(1).permutation(len(panel.n))
    names = ("region", "industry", "month", "pd", "n", "events")
    return replace(panel, **{name: getattr(panel, name)[order] for name in names})


def test_groups_are_regions_industries_and_months_with_their_cells(panel: Panel) -> None:
    given = shuffled(panel)
    assert len(given.groups) == 3 * 2 * 4
    for r, s, t, start, stop in given.groups:
        mine = (given.region == r) & (given.industry == s) & (given.month == t)
        np.testing.assert_array_equal(
            np.sort(given.order[start:stop]), np.flatnonzero(mine)
        )
        assert given.counts[1, start:stop].sum() == given.events[mine].sum()


def test_order_of_rows_does_not_matter(panel: Panel) -> None:
    np.testing.assert_array_equal(shuffled(panel).groups, panel.groups)
    np.testing.assert_array_equal(shuffled(panel).counts, panel.counts)


def test_until_a_month_nothing_later_is_left(panel: Panel) -> None:
    earlier = panel.until(dt.date(2020, 2, 1))
    assert earlier.months == panel.months[:2]
    assert earlier.n.sum() == panel.n[panel.month < 2].sum()


def test_before_the_first_month_there_is_no_panel(panel: Panel) -> None:
    with pytest.raises(PanelError, match="at least one"):
        panel.until(dt.date(2019, 12, 1))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"pd": 0.0}, "margins outside"),
        ({"pd": 1.0}, "margins outside"),
        ({"pd": np.nan}, "margins outside"),
        ({"n": 0}, "without borrowers"),
        ({"events": -1}, "more events than borrowers"),
        ({"events": 10**9}, "more events than borrowers"),
    ],
)
def test_what_is_no_count_is_refused(
    panel: Panel, change: dict[str, Any], found: str
) -> None:
    ((name, value),) = change.items()
    array = getattr(panel, name).copy()
    array[0] = value
    with pytest.raises(PanelError, match=found):
        replace(panel, **{name: array})


def test_arrays_of_different_lengths_are_refused(panel: Panel) -> None:
    with pytest.raises(PanelError, match="shapes"):
        replace(panel, n=panel.n[1:])


def test_a_category_nobody_is_in_is_refused() -> None:
    places = np.zeros(2, np.int64), np.zeros(2, np.int64), np.arange(2)
    with pytest.raises(PanelError, match="nobody is in"):
        OrdinalPanel(
            ("a",),
            ("b",),
            DESIGN.names["months"][:2],
            *places,
            np.array([[3, 0], [2, 0]]),
        )
