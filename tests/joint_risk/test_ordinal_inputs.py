"""The ordinal likelihood, from counts of bands on disk to loadings."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.joint_risk.simulated_panel import (
    SMALL,
    Design,
    event_probability,
    from_priors,
    planted,
)

from comove.joint_risk.draws import Draws
from comove.joint_risk.evidence import OrdinalEvidence
from comove.joint_risk.fit import FitError, panel_hash, wanted_fits
from comove.joint_risk.inputs import Inputs
from comove.joint_risk.panel import OrdinalPanel, Panel, PanelError
from comove.joint_risk.sampler import Sampler, Variant
from comove.settings import Settings

EDGES = np.array([0.5, 0.8, 0.9, 0.95, 0.98, 0.99])
MONTH = dt.date(2024, 6, 1)
MONTHS = [dt.date(2024, month, 1) for month in range(1, 7)]
PLACES = pd.MultiIndex.from_product(
    [["north", "south"], ["trade"], MONTHS], names=["region", "industry", "month"]
).to_frame(index=False)


def exported(folder: Path, bands: pd.DataFrame) -> Inputs:
    """What `build_cells` would have written of some bands."""
    cells = PLACES.assign(pd_band=1, n=100, events=2, mean_model_pd=0.02)
    margin = pd.DataFrame({"month": MONTHS, "bin": 0, "tail_from": 0.0, "n": 200})
    for name, table in {"cells": cells, "bands": bands, "margin": margin}.items():
        table.assign(month=pd.to_datetime(table.month)).to_parquet(
            folder / f"{name}.parquet"
        )
    settings = Settings(home=folder, joint_likelihood="ordinal", joint_window_months=12)
    return Inputs(settings, folder, MONTH)


@pytest.fixture
def bands() -> pd.DataFrame:
    """Band 1 everywhere, band 2 in the north, band 3 nowhere, band 4 in June only."""
    low = PLACES.assign(band=1, n=90)
    middle = PLACES[PLACES.region == "north"].assign(band=2, n=9)
    high = PLACES[PLACES.month == MONTH].assign(band=4, n=1)
    return pd.concat([low, middle, high], ignore_index=True)


def test_bands_become_columns_and_empty_ones_join_their_neighbours(
    tmp_path: Path, bands: pd.DataFrame
) -> None:
    found = exported(tmp_path, bands).ordinal_panel(MONTH)
    assert found.shape == (2, 1, 12)
    assert found.counts.shape == (12, 3)
    assert found.counts.sum(axis=0).tolist() == [90 * 12, 9 * 6, 2]
    june_in_the_south = (found.region == 1) & (found.month == 11)
    assert found.counts[june_in_the_south].tolist() == [[90, 0, 1]]


def test_later_months_are_not_counted(tmp_path: Path, bands: pd.DataFrame) -> None:
    may = dt.date(2024, 5, 1)
    found = exported(tmp_path, bands).ordinal_panel(may)
    assert found.months[-1] == may
    assert found.counts.sum(axis=0).tolist() == [90 * 10, 9 * 5]


def test_settings_choose_what_is_counted(tmp_path: Path, bands: pd.DataFrame) -> None:
    inputs = exported(tmp_path, bands)
    assert isinstance(inputs.counts(MONTH), OrdinalPanel)
    other = inputs.settings.model_copy(update={"joint_likelihood": "threshold"})
    assert isinstance(Inputs(other, tmp_path, MONTH).counts(MONTH), Panel)


def test_one_band_for_everybody_is_refused_with_the_setting_to_change(
    tmp_path: Path, bands: pd.DataFrame
) -> None:
    inputs = exported(tmp_path, bands[bands.band == 1])
    with pytest.raises(PanelError, match=r"1 band.*COMOVE_JOINT_ORDINAL_EDGES"):
        inputs.ordinal_panel(MONTH)


def test_other_counts_are_another_posterior(tmp_path: Path, bands: pd.DataFrame) -> None:
    inputs = exported(tmp_path, bands)
    before = panel_hash(inputs.ordinal_panel(MONTH))
    assert before != panel_hash(inputs.panel(MONTH))
    (tmp_path / "more").mkdir()
    more = exported(tmp_path / "more", bands.assign(n=bands.n + 1))
    assert before != panel_hash(more.ordinal_panel(MONTH))


def test_ranks_are_fitted_by_the_gaussian_copula_only(settings: Settings) -> None:
    ordinal = settings.model_copy(update={"joint_likelihood": "ordinal"})
    wanted = wanted_fits(ordinal, MONTH, Variant(), MONTHS[0])
    assert {one.variant.copula for one in wanted} == {"gaussian"}
    with pytest.raises(FitError, match=r"Gaussian copula only.*COMOVE_JOINT_LIKELIHOOD"):
        wanted_fits(ordinal, MONTH, Variant(copula="student_t"), MONTHS[0])


def latent_panel(truth: Draws, seed: int, design: Design = SMALL) -> OrdinalPanel:
    """Bands of the latent variable itself, by the probabilities of passing each edge."""
    above = event_probability(truth, 1 - EDGES)
    none = np.zeros_like(above[..., :1])
    shares = -np.diff(np.concatenate([none + 1, above, none], axis=-1), axis=-1)
    n = design.borrowers // (design.regions * design.industries)
    counts = np.random.default_rng(seed).multinomial(n, shares.reshape(-1, 7))
    r, s, t = (one.ravel() for one in np.indices(shares.shape[:3]))
    return OrdinalPanel(*design.names.values(), r, s, t, counts)


def drawn_ranks(panel: OrdinalPanel, seed: int) -> OrdinalPanel:
    """The same where events (the last band) are seen, and the other ranks are drawn.

    That is what quantile residuals of one pd are.
    """
    random = np.random.default_rng(seed)
    events = panel.counts[:, -1]
    shares = np.diff(np.r_[0.0, EDGES]) / EDGES[-1]
    others = random.multinomial(panel.counts.sum(axis=1) - events, shares)
    names = panel.regions, panel.industries, panel.months
    counts = np.column_stack([others, events])
    return OrdinalPanel(*names, panel.region, panel.industry, panel.month, counts)


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(Settings(joint_draws=600, joint_tune=300))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_loadings_are_recovered_from_ordered_outcomes(sampler: Sampler) -> None:
    """Truths drawn from the priors: 90 % intervals hold nine of ten."""
    inside = []
    for seed in range(12):
        truth = from_priors(SMALL, Settings(), seed)
        found = sampler.fit(OrdinalEvidence(latent_panel(truth, seed))).draws
        for name in ("loading_national", "loading_region", "loading_industry"):
            low, high = np.quantile(getattr(found, name), [0.05, 0.95], axis=0)
            planted_one = getattr(truth, name)[0]
            inside.append(np.mean((low < planted_one) & (planted_one < high)))
    # 36 shares of 90 % each: three standard errors below.
    assert np.mean(inside) > 0.75


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_ranks_that_were_drawn_dilute_the_loadings(sampler: Sampler) -> None:
    """Why the threshold likelihood is the default (docs/factor-copula.md)."""
    ratios = []
    for seed in range(3):
        panel = latent_panel(planted(SMALL, seed), seed)
        seen = sampler.fit(OrdinalEvidence(panel)).draws.loading_region.mean()
        ranks = sampler.fit(OrdinalEvidence(drawn_ranks(panel, seed))).draws
        ratios.append(ranks.loading_region.mean() / seen)
    assert np.mean(ratios) < 0.6
