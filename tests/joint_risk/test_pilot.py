"""The quick look that coordinates are built on: about right, and cheap."""

import numpy as np
import pytest
from tests.joint_risk.simulated_panel import SMALL, Design, count, planted

from comove.joint_risk.evidence import ThresholdEvidence
from comove.joint_risk.pilot import Pilot, ar1_precision, look

MANY = Design(borrowers=600_000)
FEW = Design(borrowers=800)


def pilot(design: Design, seed: int = 1) -> Pilot:
    panel = count(planted(design, seed), design, seed)
    return look(ThresholdEvidence(panel), 0.2, 0.12, 0.12)


def test_precision_is_the_inverse_of_the_ar1_covariance() -> None:
    lags = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    np.testing.assert_allclose(ar1_precision(0.7, 6) @ 0.7**lags, np.eye(6), atol=1e-12)


def test_loadings_are_found_roughly() -> None:
    """Planted: 0.25, 0.15 and 0.15; sampling error of a path of 24 months is large."""
    found = [pilot(MANY, seed).loadings for seed in range(5)]
    assert np.mean([one.national for one in found]) == pytest.approx(0.25, abs=0.1)
    assert np.mean([one.region.mean() for one in found]) == pytest.approx(0.15, abs=0.05)


def test_level_is_seen_where_data_are_many() -> None:
    truth = planted(MANY, 1)
    seen = pilot(MANY).level
    level = seen.value[0] / seen.information[0]
    national = 0.25 * truth.national[0]
    assert np.corrcoef(level, national)[0, 1] > 0.9


def test_deviations_are_sampled_where_data_are_many_and_own_paths_where_few() -> None:
    many, few = pilot(MANY), pilot(FEW)
    assert many.region is not None
    assert few.region is not None
    assert many.region.basis is not None
    assert many.region.paths.information.shape == (SMALL.regions - 1, SMALL.months)
    assert few.region.basis is None
    assert few.region.paths.information.shape == (SMALL.regions, SMALL.months)


def test_effects_left_out_have_no_coordinates() -> None:
    panel = count(planted(SMALL, 1), SMALL, 1)
    found = look(ThresholdEvidence(panel), 0.2, 0.0, 0.12)
    assert found.region is None
    assert found.industry is not None


def test_more_borrowers_tell_more() -> None:
    many, few = pilot(MANY), pilot(FEW)
    assert many.level.information.mean() > 100 * few.level.information.mean()
