"""The sampled density is the model's, whatever the coordinates it is sampled in."""

from dataclasses import replace

import numpy as np
import pytest
from tests.joint_risk.dense_density import compiled, coordinates, log_density
from tests.joint_risk.simulated_panel import Design, count, planted

from comove.joint_risk.evidence import Evidence, OrdinalEvidence, ThresholdEvidence
from comove.joint_risk.model import build_model
from comove.joint_risk.panel import OrdinalPanel
from comove.joint_risk.pilot import Pilot, look
from comove.settings import Settings

TINY = Design(regions=3, industries=2, months=4, borrowers=2_000)
SETTINGS = Settings()


def threshold_evidence() -> ThresholdEvidence:
    return ThresholdEvidence(count(planted(TINY, seed=1), TINY, seed=1))


def ordinal_evidence() -> OrdinalEvidence:
    random = np.random.default_rng(2)
    r, s, t = (one.ravel() for one in np.indices((3, 2, 4)))
    counts = random.multinomial(80, [0.6, 0.3, 0.1], size=24)
    names = TINY.names
    return OrdinalEvidence(OrdinalPanel(*names.values(), r, s, t, counts))


def pilot(evidence: Evidence, own_paths: tuple[str, ...]) -> Pilot:
    """Where the data are about, in the coordinates asked for; few months do for it."""
    found = look(evidence, 0.2, 0.12, 0.12)
    wide = TINY.borrowers * 100_000
    much = replace(TINY, borrowers=wide)
    by_deviations = look(
        ThresholdEvidence(count(planted(TINY, seed=1), much, seed=1)), 0.2, 0.12, 0.12
    )
    kinds = {
        name: getattr(found if name in own_paths else by_deviations, name)
        for name in ("region", "industry")
    }
    assert all((kinds[name].basis is None) == (name in own_paths) for name in kinds)
    return replace(found, **kinds)


@pytest.mark.parametrize(
    ("evidence", "own_paths", "student_t"),
    [
        pytest.param(threshold_evidence(), (), False, id="deviations"),
        pytest.param(threshold_evidence(), ("region", "industry"), False, id="own paths"),
        pytest.param(threshold_evidence(), ("industry",), False, id="one of each"),
        pytest.param(threshold_evidence(), (), True, id="Student-t"),
        pytest.param(ordinal_evidence(), ("region",), False, id="ordinal"),
    ],
)
def test_density_is_the_dense_one_times_the_change_of_variables(
    evidence: Evidence, own_paths: tuple[str, ...], student_t: bool
) -> None:
    random = np.random.default_rng(3)
    coordinates_of = pilot(evidence, own_paths)
    model = compiled(build_model(evidence, coordinates_of, SETTINGS, student_t=student_t))
    differences = []
    for _ in range(3):
        at = model.start + 0.3 * random.normal(size=len(model.start))
        values = model.meanings(at)
        jacobian = model.jacobian(at, lambda found: coordinates(coordinates_of, found))
        sign, log_volume = np.linalg.slogdet(jacobian)
        assert sign != 0
        dense = log_density(coordinates_of, evidence, values, SETTINGS)
        differences.append(model.log_density(at) - dense - log_volume)
    assert np.ptp(differences) < (0.02 if student_t else 1e-4)
