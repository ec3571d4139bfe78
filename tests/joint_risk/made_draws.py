"""Posterior draws made up for tests, as a well-behaved fit would give them."""

import datetime as dt

import numpy as np

from comove.joint_risk.draws import Draws


def made_draws(
    draws: int = 200,
    regions: int = 3,
    industries: int = 2,
    months: int = 4,
    nu: float | None = None,
    seed: int = 1,
    spread: float = 1.0,
    sectors: bool = True,
) -> Draws:
    """Loadings near 0.3, 0.2 and 0.15, factors near 0.5; `spread` scales uncertainty.

    Without `sectors`, loadings of regions and industries are 0 (the one-factor model).
    """
    rng = np.random.default_rng(seed)
    centre_of_region = rng.normal(0.0, 0.8, (regions, months))
    centre_of_industry = rng.normal(0.0, 0.8, (industries, months))

    def near(centre: float | np.ndarray, width: float, *shape: int) -> np.ndarray:
        return centre + spread * width * rng.normal(size=(draws, *shape))

    return Draws(
        regions=tuple(f"region {i:02}" for i in range(regions)),
        industries=tuple(f"industry {i:02}" for i in range(industries)),
        months=tuple(dt.date(2020 + i // 12, i % 12 + 1, 1) for i in range(months)),
        loading_national=np.abs(near(0.3, 0.04)),
        loading_region=np.abs(near(0.2, 0.03, regions)) * sectors,
        loading_industry=np.abs(near(0.15, 0.03, industries)) * sectors,
        phi_national=np.clip(near(0.7, 0.05), -0.95, 0.95),
        phi_region=np.clip(near(0.6, 0.05), -0.95, 0.95),
        phi_industry=np.clip(near(0.5, 0.05), -0.95, 0.95),
        offset_region=near(0.0, 0.03, regions) * sectors,
        offset_industry=near(0.0, 0.03, industries) * sectors,
        national=near(0.5, 0.3, months),
        region=near(centre_of_region, 0.3, regions, months),
        industry=near(centre_of_industry, 0.3, industries, months),
        nu=None if nu is None else nu * np.exp(near(0.0, 0.1)),
    )
