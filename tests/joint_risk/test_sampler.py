"""Fits of simulated counts: truths found, code compiled once, odd counts survived."""

from dataclasses import replace

import numpy as np
import pytest
from tests.joint_risk.simulated_panel import SMALL, Design, count, planted

from comove.joint_risk.evidence import ThresholdEvidence
from comove.joint_risk.panel import Panel
from comove.joint_risk.pilot import look
from comove.joint_risk.sampler import Posterior, Sampler, Variant, _acceptance
from comove.settings import Settings

# Compiling a shape takes most of a minute.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

TRUTH = planted(SMALL, seed=1)
SINGLE = Variant(factors="single")


def counted(borrowers: int = SMALL.borrowers) -> Panel:
    return count(TRUTH, replace(SMALL, borrowers=borrowers), seed=1)


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    """One for all tests: they share a shape, so one compilation serves them."""
    return Sampler(Settings(joint_tune=300, joint_draws=400))


@pytest.fixture(scope="module")
def fitted(sampler: Sampler) -> Posterior:
    return sampler.fit(ThresholdEvidence(counted()))


def test_chains_agree_and_do_not_diverge(fitted: Posterior) -> None:
    assert fitted.quality.divergences == 0
    assert fitted.quality.r_hat < 1.05
    assert fitted.quality.bfmi > 0.5
    assert fitted.chains == 2
    assert fitted.energy.shape == (2, 400)
    assert fitted.draws.count == 800


def test_planted_loadings_are_within_their_intervals(fitted: Posterior) -> None:
    draws = fitted.draws
    for name in ("loading_national", "loading_region", "loading_industry"):
        low, high = np.quantile(getattr(draws, name), [0.005, 0.995], axis=0)
        assert ((low < getattr(TRUTH, name)[0]) & (getattr(TRUTH, name)[0] < high)).all()


def test_factor_paths_are_found(fitted: Posterior) -> None:
    found = fitted.draws.national.mean(axis=0)
    assert np.corrcoef(found, TRUTH.national[0])[0, 1] > 0.8
    low, high = np.quantile(fitted.draws.region, [0.05, 0.95], axis=0)
    assert ((low < TRUTH.region[0]) & (TRUTH.region[0] < high)).mean() > 0.7


def test_level_and_effects_of_draws_are_those_sampled(fitted: Posterior) -> None:
    draws, trace = fitted.draws, fitted.trace
    region = draws.loading_region[:, :, None] * draws.region
    region = region + draws.offset_region[:, :, None]
    between = region[:, 1] - region[:, 0]
    sampled = trace["region_effect"].values.reshape(800, *region.shape[1:])
    np.testing.assert_allclose(between, sampled[:, 1] - sampled[:, 0], atol=1e-9)


def test_the_next_month_of_the_same_shape_needs_no_compilation(
    sampler: Sampler, fitted: Posterior
) -> None:
    again = sampler.fit(ThresholdEvidence(counted()))
    assert again.quality.compile_seconds < fitted.quality.compile_seconds / 3
    np.testing.assert_array_equal(
        again.draws.loading_national, fitted.draws.loading_national
    )


def cells_changed(panel: Panel, events: np.ndarray) -> ThresholdEvidence:
    return ThresholdEvidence(replace(panel, events=np.where(events < 0, 0, events)))


def test_cells_without_any_event_lower_their_offset(
    sampler: Sampler, fitted: Posterior
) -> None:
    panel = counted()
    mine = (panel.region == 0) & (panel.industry == 0)
    found = sampler.fit(cells_changed(panel, np.where(mine, 0, panel.events)))
    assert np.isfinite(found.quality.r_hat)
    assert (
        found.draws.offset_region[:, 0].mean() < fitted.draws.offset_region[:, 0].mean()
    )


def test_a_month_in_which_everybody_fails_is_the_worst(
    sampler: Sampler,
) -> None:
    panel = counted()
    found = sampler.fit(
        cells_changed(panel, np.where(panel.month == 10, panel.n, panel.events))
    )
    level = found.trace["level"].values.mean(axis=(0, 1))
    assert np.isfinite(found.draws.national).all()
    assert level.argmax() == 10
    # All of thousands failing needs more than any threshold here.
    assert level[10] > 2


@pytest.mark.parametrize("margin", [1e-12, 1 - 1e-12])
def test_margins_next_to_zero_or_one_are_survived(
    sampler: Sampler, margin: float
) -> None:
    panel = counted()
    pd = np.where((panel.region == 1) & (panel.month < 3), margin, panel.pd)
    found = sampler.fit(ThresholdEvidence(replace(panel, pd=pd)))
    assert np.isfinite(found.draws.national).all()
    assert np.isfinite(found.quality.r_hat)


class TestOtherShapes:
    """Each needs a compilation of its own."""

    def test_few_data_of_the_same_shape_are_sampled_in_their_own_coordinates(
        self, sampler: Sampler, fitted: Posterior
    ) -> None:
        few = sampler.fit(ThresholdEvidence(counted(borrowers=800)))
        assert "region_own" in few.trace
        assert "region_own" not in fitted.trace
        assert few.draws.region.shape == fitted.draws.region.shape

    def test_the_single_factor_model_has_no_effects_of_groups(
        self, sampler: Sampler
    ) -> None:
        found = sampler.fit(ThresholdEvidence(counted()), SINGLE).draws
        assert not found.loading_region.any()
        assert not found.offset_industry.any()
        assert found.loading_national.min() > 0

    @pytest.mark.parametrize(
        ("design", "dropped"),
        [
            pytest.param(Design(regions=1), ("region",), id="one region"),
            pytest.param(Design(industries=1), ("industry",), id="no industry"),
            pytest.param(
                Design(regions=1, industries=1), ("region", "industry"), id="one group"
            ),
        ],
    )
    def test_a_kind_with_one_group_only_has_no_effect(
        self, sampler: Sampler, design: Design, dropped: tuple[str, ...]
    ) -> None:
        panel = count(planted(design, seed=1), design, seed=1)
        found = sampler.fit(ThresholdEvidence(panel)).draws
        for name in ("region", "industry"):
            assert getattr(found, f"loading_{name}").any() == (name not in dropped)

    def test_a_single_month_leaves_loadings_to_the_prior(self, sampler: Sampler) -> None:
        design = Design(months=1)
        panel = count(planted(design, seed=1), design, seed=1)
        found = sampler.fit(ThresholdEvidence(panel)).draws
        low, high = np.quantile(found.loading_national, [0.05, 0.95])
        assert high / low > 3
        assert found.national.shape == (800, 1)


def test_a_second_try_steps_more_carefully_and_of_the_t_copula_most() -> None:
    evidence = ThresholdEvidence(counted())
    pilot = look(evidence, 0.2, 0.12, 0.12)
    student = Variant("student_t")
    first = [_acceptance(pilot, one, 1) for one in (Variant(), student)]
    second = [_acceptance(pilot, one, 2) for one in (Variant(), student)]
    assert max(first) < second[0] < second[1] < 1
