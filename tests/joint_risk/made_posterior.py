"""A posterior made up for tests, as the sampler would hand it over."""

import numpy as np
import xarray as xr
from tests.joint_risk.made_draws import made_draws

from comove.joint_risk.sampler import Posterior, Quality

GOOD = Quality(
    r_hat=1.004,
    ess_bulk=620.0,
    ess_tail=480.0,
    divergences=0,
    bfmi=0.8,
    steps=15.0,
    seconds=21.5,
    compile_seconds=0.0,
)


def made_posterior(
    quality: Quality = GOOD, draws: int = 200, nu: float | None = None
) -> Posterior:
    """Two chains of half the draws each."""
    found = made_draws(draws, nu=nu)
    by_chain = found.loading_region.reshape(2, draws // 2, -1)
    level = np.zeros((2, draws // 2, len(found.months)))
    return Posterior(
        draws=found,
        chains=2,
        trace=xr.Dataset(
            {
                "loading_region": (("chain", "draw", "region"), by_chain),
                "level": (("chain", "draw", "month"), level),
            },
            coords={"region": list(found.regions)},
        ),
        energy=np.random.default_rng(1).normal(100, 5, (2, draws // 2)),
        quality=quality,
    )
