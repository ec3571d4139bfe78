"""What a portfolio can tell of its loadings, against simulation and formulas."""

import datetime as dt
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.joint_risk.simulated_panel import SMALL, count, planted

from comove.joint_risk.evidence import OrdinalEvidence, ThresholdEvidence
from comove.joint_risk.information import path_information, sufficiency
from comove.joint_risk.loading import bounded_loading
from comove.joint_risk.panel import OrdinalPanel, Panel
from comove.joint_risk.sampler import Sampler
from comove.joint_risk.sufficiency import (
    Sufficiency,
    read_sufficiency,
    warning,
    write_sufficiency,
)
from comove.settings import Settings

SETTINGS = Settings()
KINDS = ["national", "region", "industry"]


def judged(borrowers: int, **changed: int) -> dict[str, Sufficiency]:
    design = replace(SMALL, borrowers=borrowers, **changed)
    panel = count(planted(design, seed=1), design, seed=1)
    found = sufficiency(ThresholdEvidence(panel), SETTINGS)
    return {one.kind: one for one in found}


def test_a_large_portfolio_suffices() -> None:
    found = judged(2_000_000)
    assert list(found) == KINDS
    assert warning(found.values()) is None


def test_a_small_one_is_told_what_would_suffice() -> None:
    region = judged(1_000)["region"]
    assert not region.suffices
    assert "events a month in each region over 24 months" in region.sentence
    assert "To halve it takes" in region.sentence


def test_what_would_suffice_does_and_a_little_less_does_not() -> None:
    region = judged(1_000)["region"]
    # Groups of equal size, as the advice has it: then it is exact.
    even = Panel(
        *SMALL.names.values(),
        *(one.ravel() for one in np.indices((4, 3, 24))),
        pd=np.full(288, 0.0125),
        n=np.full(288, 10),
        events=np.zeros(288, np.int64),
    )
    small = {one.kind: one for one in sufficiency(ThresholdEvidence(even), SETTINGS)}
    times = small["region"].needed / small["region"].counted
    for more, suffices in ((1.1 * times, True), (0.9 * times, False)):
        grown = replace(even, n=np.round(even.n * more).astype(np.int64))
        found = sufficiency(ThresholdEvidence(grown), SETTINGS)
        assert found[1].suffices is suffices
    assert small["region"].needed == pytest.approx(region.needed, rel=0.3)


def test_the_information_is_that_of_the_exact_likelihood_of_a_path() -> None:
    """Of a Gaussian path with noise: half the trace of (V^-1 dV)^2, by its covariance."""
    months, phi, loading, noise, step = 300, 0.7, 0.12, 0.2, 1e-5

    def covariance(log_loading: float, phi: float) -> np.ndarray:
        lags = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
        return np.exp(2 * log_loading) * phi**lags + noise**2 * np.eye(months)

    middle = np.log(loading)
    inverse = np.linalg.inv(covariance(middle, phi))
    slopes = [
        inverse @ (covariance(middle + step, phi) - covariance(middle - step, phi)),
        inverse @ (covariance(middle, phi + step) - covariance(middle, phi - step)),
    ]
    exact = [
        0.5 * np.trace(slopes[i] @ slopes[j]) / (2 * step) ** 2
        for i, j in ((0, 0), (0, 1), (1, 1))
    ]
    signal = np.array([loading**2 / noise**2])
    found = path_information(signal, months, phi)
    np.testing.assert_allclose(np.ravel(found), exact, rtol=0.03)


def test_months_too_few_for_any_number_of_events_say_so() -> None:
    region = judged(1_000, months=2, regions=2)["region"]
    assert region.needed == inf
    assert "months such as these" in region.sentence or "Merge" in region.sentence


def test_one_region_has_no_loading_of_its_own() -> None:
    assert list(judged(1_000, regions=1)) == ["national", "industry"]


def test_a_single_factor_asks_for_the_national_loading_alone() -> None:
    panel = count(planted(SMALL, seed=1), SMALL, seed=1)
    found = sufficiency(ThresholdEvidence(panel), SETTINGS, single=True)
    assert [one.kind for one in found] == ["national"]


def test_ordered_outcomes_count_borrowers() -> None:
    r, s, t = (one.ravel() for one in np.indices((4, 3, 24)))
    counts = np.tile([5, 3, 2], (len(r), 1))
    panel = OrdinalPanel(*SMALL.names.values(), r, s, t, counts)
    region = sufficiency(OrdinalEvidence(panel), SETTINGS)[1]
    assert (region.unit, region.counted) == ("borrowers", 30)


@given(st.integers(20, 40), st.floats(1.5, 20))
def test_more_borrowers_never_tell_less(people: int, times: float) -> None:
    months = tuple(dt.date(2024, month, 1) for month in range(1, 13))
    r, t = (one.ravel() for one in np.indices((3, 12)))
    panel = Panel(
        ("a", "b", "c"),
        ("all",),
        months,
        r,
        np.zeros_like(r),
        t,
        pd=np.full(36, 0.02),
        n=np.full(36, people),
        events=np.zeros(36, np.int64),
    )
    more = replace(panel, n=np.full(36, int(people * times)))
    before, after = (
        sufficiency(ThresholdEvidence(one), SETTINGS) for one in (panel, more)
    )
    for small, large in zip(before, after, strict=True):
        assert large.ratio < small.ratio <= 1


def test_what_was_found_is_handed_on_by_a_file(tmp_path: Path) -> None:
    assert read_sufficiency(tmp_path) == []
    found = list(judged(1_000, months=2, regions=2).values())
    write_sufficiency(tmp_path, found)
    assert read_sufficiency(tmp_path) == found


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_ratio_foretells_what_sampling_leaves() -> None:
    """Loadings as usual, few events and many: the posterior against the forecast."""
    sampler = Sampler(Settings(joint_draws=600, joint_tune=300))
    usual = float(bounded_loading(np.log(SETTINGS.joint_prior_group_loading)))
    for borrowers in (3_000, 1_000_000):
        design = replace(SMALL, borrowers=borrowers)
        ratios, forecast = [], []
        for seed in range(4):
            truth = planted(design, seed, region=usual, industry=usual)
            evidence = ThresholdEvidence(count(truth, design, seed))
            posterior = sampler.fit(evidence)
            spread = SETTINGS.joint_prior_log_loading_spread
            for one in sufficiency(evidence, SETTINGS)[1:]:
                name = f"log_loading_{one.kind}_mean"
                ratios.append(float(posterior.trace[name].std()) / spread)
                forecast.append(one.ratio)
        print(borrowers, np.round(ratios, 2), np.round(forecast, 2))
        assert np.mean(ratios) == pytest.approx(np.mean(forecast), abs=0.15)
