"""Links of a run come from the two posteriors its events name."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.default_response.conftest import find
from tests.joint_risk.made_draws import made_draws

from comove.default_response.posterior_links import link_run
from comove.default_response.scratch import run_folder
from comove.joint_risk.draws import Draws
from comove.joint_risk.posterior import PosteriorError, write_posterior
from comove.joint_risk.sampler import Posterior, Quality
from comove.settings import Settings

QUALITY = Quality(1.0, 900.0, 900.0, 0, 0.9, 15.0, 1.0, 0.0)


def draws_of_bank(shift: float) -> Draws:
    """Posterior draws of the bank's cells; the national factor lower by `shift`."""
    made = made_draws(regions=2, draws=200)
    return dataclasses.replace(
        made,
        regions=("north", "south"),
        industries=("retail", "trade"),
        national=made.national - shift,
    )


def keep(settings: Settings, month: str, draws: Draws) -> None:
    """Write a posterior where audit.posterior says it is."""
    empty = xr.Dataset({n: 0.0 for n in ("level", "region_effect", "industry_effect")})
    posterior = Posterior(draws, 2, empty, np.zeros((2, 100)), QUALITY)
    write_posterior(settings.places.artifacts / "posteriors" / month, posterior, {})


def links_of(settings: Settings) -> pd.DataFrame:
    loose = settings.model_copy(
        update={"response_min_lift": 1e-6, "response_index_threshold": 1e-6}
    )
    link_run(loose, run_id="run", tell=lambda _: None)
    return pd.read_parquet(run_folder(settings, "run") / "links.parquet")


def test_a_worse_month_than_the_last_raises_the_index_above_the_lift(
    bank: Settings,
) -> None:
    find(bank)
    keep(bank, "2024-03", draws_of_bank(0.0))
    keep(bank, "2024-02", draws_of_bank(1.5))
    found = links_of(bank)
    assert len(found) == 4 * 20
    assert (found.joint_risk_index > found.link_lift).all()


def test_two_equal_posteriors_leave_the_lift_alone(bank: Settings) -> None:
    find(bank)
    for month in ("2024-02", "2024-03"):
        keep(bank, month, draws_of_bank(0.0))
    found = links_of(bank)
    assert (found.link_lift > 1).all()
    np.testing.assert_allclose(found.joint_risk_index, found.link_lift, rtol=1e-6)


def test_a_run_without_events_links_nobody(bank: Settings) -> None:
    report = link_run(bank, run_id="never found", tell=lambda _: None)
    assert (report.events, report.links) == (0, 0)


def test_a_posterior_that_is_gone_is_named(bank: Settings) -> None:
    find(bank)
    with pytest.raises(PosteriorError, match="2024-03"):
        link_run(bank, run_id="run", tell=lambda _: None)
