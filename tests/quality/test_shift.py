import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.quality.shift import FEWEST_ROWS, stability_index

# Enough rows in the first bin that chance is not the reason to leave a histogram out.
histograms = st.integers(1, 30).flatmap(
    lambda bins: st.tuples(
        *[st.lists(st.integers(0, 10_000), min_size=bins, max_size=bins)] * 2
    )
)


def enough(counts: list[int]) -> np.ndarray:
    return np.array([FEWEST_ROWS + counts[0], *counts[1:]])


def reference_index(now: np.ndarray, before: np.ndarray) -> float:
    """The textbook sum in its other form: two relative entropies added."""
    p = np.clip(now / now.sum(), 1e-4, None)
    q = np.clip(before / before.sum(), 1e-4, None)
    return float((p * np.log(p / q)).sum() + (q * np.log(q / p)).sum())


@given(histograms)
def test_it_is_never_negative(pair):
    assert stability_index(enough(pair[0]), enough(pair[1])) >= 0


@given(histograms, st.integers(1, 50))
def test_it_is_zero_for_equal_shares_whatever_the_totals(pair, times):
    counts = enough(pair[0])
    assert stability_index(counts * times, counts) == pytest.approx(0, abs=1e-12)


@given(histograms)
def test_it_equals_an_independent_implementation(pair):
    now, before = enough(pair[0]), enough(pair[1])
    assert stability_index(now, before) == pytest.approx(
        reference_index(now, before), abs=1e-9
    )


@given(histograms)
def test_it_is_the_same_in_both_directions(pair):
    now, before = enough(pair[0]), enough(pair[1])
    assert stability_index(now, before) == pytest.approx(stability_index(before, now))


def test_a_known_shift():
    # (0.6 - 0.4) ln(0.6 / 0.4) twice, by hand.
    assert stability_index([600, 400], [400, 600]) == pytest.approx(0.162186, abs=1e-6)


def test_few_rows_say_nothing():
    assert np.isnan(stability_index([100, 100], [400, 600]))
