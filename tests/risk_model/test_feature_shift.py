"""How the features of newer rows differ: by value, and by what became known."""

import numpy as np
import pytest

from comove.risk_model.feature_shift import feature_figures

RNG = np.random.default_rng(3)


def history(known: float, shift: float = 0.0) -> np.ndarray:
    """One feature of 2,000 rows, known of a share of them."""
    x = RNG.normal(shift, 1, (2_000, 1)).astype(np.float32)
    x[int(known * 2_000) :] = np.nan
    return x


def test_what_became_known_has_moved_but_its_values_have_not() -> None:
    told = feature_figures(history(0.4), history(0.99), ["worst_dpd"])
    assert told.psi["worst_dpd"] > 1
    assert told.known_psi["worst_dpd"] < 0.1
    assert told.missing_trained["worst_dpd"] == pytest.approx(0.6)


def test_another_unit_moves_the_known_values_too() -> None:
    told = feature_figures(history(0.5), history(0.5, shift=100), ["income"])
    assert told.known_psi["income"] > told.psi["income"] > 1


def test_too_few_known_values_tell_nothing() -> None:
    told = feature_figures(history(0.2), history(0.9), ["score"])
    assert np.isnan(told.known_psi["score"])
    assert not np.isnan(told.psi["score"])
