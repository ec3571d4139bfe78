"""Counts simulated from the model as docs/factor-copula.md states it, truth included."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from comove.joint_risk.draws import Draws
from comove.joint_risk.loading import bounded_loading
from comove.joint_risk.panel import Panel
from comove.settings import Settings

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """How many there are of everything; all tests that sample share the default."""

    regions: int = 4
    industries: int = 3
    months: int = 24
    borrowers: int = 60_000
    margins: tuple[float, ...] = (0.005, 0.02)

    @property
    def names(self) -> dict[str, tuple[object, ...]]:
        return {
            "regions": tuple(f"region {i:02}" for i in range(self.regions)),
            "industries": tuple(f"industry {i:02}" for i in range(self.industries)),
            "months": tuple(
                dt.date(2020 + i // 12, i % 12 + 1, 1) for i in range(self.months)
            ),
        }


SMALL = Design()


def ar1(rng: np.random.Generator, phi: float, paths: int, months: int) -> FloatArray:
    """Stationary paths of unit variance, shape (paths, months)."""
    path = rng.normal(size=(paths, months))
    for t in range(1, months):
        path[:, t] = phi * path[:, t - 1] + np.sqrt(1 - phi**2) * path[:, t]
    return path


def planted(
    design: Design,
    seed: int,
    *,
    national: float = 0.25,
    region: float = 0.15,
    industry: float = 0.15,
    phi: float = 0.75,
    offset: float = 0.03,
    nu: float | None = None,
) -> Draws:
    """Parameters as given, with simulated paths and offsets: one draw."""
    rng = np.random.default_rng(seed)
    r, s, t = design.regions, design.industries, design.months
    return Draws(
        **design.names,
        loading_national=np.array([national]),
        loading_region=np.full((1, r), region),
        loading_industry=np.full((1, s), industry),
        phi_national=np.array([phi]),
        phi_region=np.array([phi]),
        phi_industry=np.array([phi]),
        offset_region=offset * rng.normal(size=(1, r)) * (region > 0),
        offset_industry=offset * rng.normal(size=(1, s)) * (industry > 0),
        national=ar1(rng, phi, 1, t),
        region=ar1(rng, phi, r, t)[None],
        industry=ar1(rng, phi, s, t)[None],
        nu=None if nu is None else np.array([nu]),
    )


def from_priors(design: Design, settings: Settings, seed: int) -> Draws:
    """Everything drawn from its prior: one draw."""
    rng = np.random.default_rng(seed)
    paths, loadings, offsets, phis = {}, {}, {}, {}
    middle = np.log(settings.joint_prior_national_loading)
    spread = settings.joint_prior_log_loading_spread
    loadings["national"] = bounded_loading(rng.normal(middle, spread, 1))
    sizes = {"national": 1, "region": design.regions, "industry": design.industries}
    for name, size in sizes.items():
        phis[name] = rng.beta(
            settings.joint_prior_phi_alpha, settings.joint_prior_phi_beta, 1
        )
        paths[name] = ar1(rng, phis[name][0], size, design.months)[None]
        if name == "national":
            continue
        mean = rng.normal(np.log(settings.joint_prior_group_loading), spread)
        pooling = abs(rng.normal(0, settings.joint_prior_pooling_spread))
        loadings[name] = bounded_loading(rng.normal(mean, pooling, (1, size)))
        offset_spread = abs(rng.normal(0, settings.joint_prior_offset_spread))
        offsets[name] = rng.normal(0, offset_spread, (1, size))
    return Draws(
        **design.names,
        loading_national=loadings["national"],
        loading_region=loadings["region"],
        loading_industry=loadings["industry"],
        phi_national=phis["national"],
        phi_region=phis["region"],
        phi_industry=phis["industry"],
        offset_region=offsets["region"],
        offset_industry=offsets["industry"],
        national=paths["national"][:, 0],
        region=paths["region"],
        industry=paths["industry"],
    )


def event_probability(
    truth: Draws, pd: FloatArray, scale: FloatArray | None = None
) -> FloatArray:
    """Of a truth of one draw, for each margin, shape (R, S, T, B)."""
    z = ndtri(pd) if truth.nu is None else stdtrit(truth.nu[0], pd)
    months = len(truth.months)
    c = np.ones(months) if scale is None else scale
    region = truth.loading_region[0][:, None] * truth.region[0]
    industry = truth.loading_industry[0][:, None] * truth.industry[0]
    effect = (
        (truth.loading_national[0] * truth.national[0])[None, None, :]
        + (region + truth.offset_region[0][:, None])[:, None, :]
        + (industry + truth.offset_industry[0][:, None])[None, :, :]
    )
    sigma = np.sqrt(truth.sigma_squared[0])[:, :, None, None]
    return ndtr((c[:, None] * z + effect[..., None]) / sigma)


def count(truth: Draws, design: Design, seed: int) -> Panel:
    """Simulate events: groups differ in size, three to one."""
    rng = np.random.default_rng([seed, 1])
    scale = None
    if truth.nu is not None:
        scale = np.sqrt(rng.chisquare(truth.nu[0], design.months) / truth.nu[0])
    pd = np.array(design.margins)
    probability = event_probability(truth, pd, scale)
    in_region = np.linspace(0.5, 1.5, design.regions) / design.regions
    in_industry = np.linspace(0.5, 1.5, design.industries) / design.industries
    people = design.borrowers * np.outer(in_region, in_industry) / len(pd)
    n = np.round(np.broadcast_to(people[:, :, None, None], probability.shape))
    places = np.indices(probability.shape).reshape(4, -1)
    events = rng.binomial(n.astype(np.int64), probability)
    return Panel(
        truth.regions,
        truth.industries,
        truth.months,
        region=places[0],
        industry=places[1],
        month=places[2],
        pd=pd[places[3]],
        n=n.astype(np.int64).ravel(),
        events=events.ravel(),
    )
