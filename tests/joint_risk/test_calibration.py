"""The posterior is right: truths drawn from the priors are found as often as stated."""

import numpy as np
import pytest
from tests.joint_risk.calibration import JUDGED, Ranks, calibrate
from tests.joint_risk.simulated_panel import SMALL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def ranks() -> dict[str, Ranks]:
    """Forty lenders: 4 regions, 3 industries, 24 months, 60,000 borrowers."""
    return calibrate(SMALL, range(40))


@pytest.mark.parametrize(
    "names",
    [
        ("loading_national", "loading_region", "loading_industry"),
        ("phi_national", "phi_region", "phi_industry"),
        ("offset_region", "offset_industry"),
        ("national", "region", "industry"),
    ],
    ids=["loadings", "phi", "offsets", "factor paths"],
)
def test_intervals_of_ninety_percent_hold_the_truth(
    ranks: dict[str, Ranks], names: tuple[str, ...]
) -> None:
    covered = np.concatenate([ranks[name].covered.ravel() for name in names])
    assert 0.85 <= covered.mean() <= 0.95


@pytest.mark.parametrize("name", JUDGED)
def test_ranks_of_the_truth_are_uniform(ranks: dict[str, Ranks], name: str) -> None:
    # Eleven tests: one below 0.001 by chance in ninety runs.
    assert ranks[name].p_value > 0.001
