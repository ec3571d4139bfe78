"""Loadings that never use up a borrower's variance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.joint_risk.loading import LARGEST_LOADING, bounded_loading, log_of_loading


@given(st.floats(-300, 300))
def test_three_of_any_loadings_leave_nine_percent(value: float) -> None:
    assert 3 * bounded_loading(value) ** 2 <= 3 * LARGEST_LOADING**2 < 0.91


@given(st.floats(-8, 2))
def test_a_loading_tells_what_it_was_made_of(value: float) -> None:
    assert log_of_loading(bounded_loading(value)) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(("plain", "bounded"), [(0.01, 0.01), (0.1, 0.098), (0.3, 0.263)])
def test_small_loadings_are_nearly_what_they_are(plain: float, bounded: float) -> None:
    assert bounded_loading(np.log(plain)) == pytest.approx(bounded, abs=6e-4)
