"""A quick look at the data: where the paths are about, and how well they are known.

The sampler's coordinates are built on it (`comove.joint_risk.whitening`). It need not be
right, so a few rounds of Fisher scoring will do, one block of effects after the other.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from comove.joint_risk.basis import Basis, make_basis
from comove.joint_risk.evidence import Effects, Evidence
from comove.joint_risk.loading import log_of_loading

FloatArray = NDArray[np.float64]

# The loadings that scale each block of effects.
BLOCKS = {"level": "national", "region": "region", "industry": "industry"}

_KINDS = "region", "industry"
# Where a month tells so much of the log of a loading (2 at most), groups' paths are known
# well enough to be sampled as deviations.
_TELLING = 0.6
_ROUNDS = 12
_LEAST_VARIANCE = 0.02
_LEAST_INFORMATION = 1e-6
_LOADING_RANGE = 0.02, 0.5


@dataclass(frozen=True)
class Loadings:
    """Loadings and autoregression the pilot goes by.

    Parameters
    ----------
    national : float
        Of the national factor.
    region, industry : ndarray, shape (R,), (S,)
        Of each group; zeros leave that kind of effect out.
    phi : float
        Autoregression of all factors.
    """

    national: float
    region: FloatArray
    industry: FloatArray
    phi: float = 0.8

    @property
    def sigma(self) -> float:
        """Idiosyncratic standard deviation at mean squared loadings."""
        shared = self.national**2
        shared += float((self.region**2).mean() + (self.industry**2).mean())
        return float(np.sqrt(max(1 - shared, _LEAST_VARIANCE)))


class Hint(NamedTuple):
    """What the data say about some quantities, as if observed with normal errors.

    Parameters
    ----------
    information : ndarray
        One over the variance of the errors.
    value : ndarray
        What was seen. Of paths: times the information, as
        `comove.joint_risk.whitening.colour` takes it.
    """

    information: FloatArray
    value: FloatArray


@dataclass(frozen=True)
class Kind:
    """What the data say about one kind of groups: G regions, or G industries.

    Parameters
    ----------
    share : ndarray, shape (G,)
        Weights of the groups in the level, adding up to 1.
    basis : Basis or None
        Coordinates of the groups' deviations, where data tell each group's path from
        the level. None where they hardly do: then each group is its own coordinate.
    paths : Hint, shape (G - 1, T) or (G, T)
        About the coordinates.
    log_loading, offset : Hint, shape (G,)
        About the log of the groups' loadings, and their static parts.
    """

    share: FloatArray
    basis: Basis | None
    paths: Hint
    log_loading: Hint
    offset: Hint


@dataclass(frozen=True)
class Pilot:
    """What the sampler's coordinates are built on.

    Parameters
    ----------
    loadings : Loadings
        About where they are.
    threshold : float
        Mean threshold of the cells, weighted by expected events.
    level : Hint, shape (1, T)
        About the level.
    level_seen : ndarray, shape (T,)
        Where it is about.
    region, industry : Kind or None
        About the groups; None where their loadings are 0.
    """

    loadings: Loadings
    threshold: float
    level: Hint
    level_seen: FloatArray
    region: Kind | None
    industry: Kind | None


def look(evidence: Evidence, national: float, region: float, industry: float) -> Pilot:
    """Find about where the effects and the loadings of a panel are.

    Effects follow by Fisher scoring, one block after the other; loadings by the EM step
    of a variance, after each round.

    Parameters
    ----------
    evidence : Evidence
        The counts.
    national, region, industry : float
        Loadings to begin with; 0 leaves the effects of regions or industries out.
    """
    regions, industries, months = evidence.panel.shape
    loadings = Loadings(national, np.full(regions, region), np.full(industries, industry))
    effects = Effects(
        np.zeros(months), np.zeros((regions, months)), np.zeros((industries, months))
    )
    for _ in range(_ROUNDS):
        for block in BLOCKS:
            loadings, effects = _improved(evidence, loadings, effects, block)
    return _summary(evidence, loadings, effects)


def _improved(
    evidence: Evidence, loadings: Loadings, effects: Effects, block: str
) -> tuple[Loadings, Effects]:
    """One Fisher step for the paths of a block, then its loadings."""
    loading = np.atleast_1d(getattr(loadings, BLOCKS[block]))
    if not loading.any():
        return loadings, effects
    gradient, information = _derivatives(evidence, loadings, effects)
    before = np.atleast_2d(getattr(effects, block))
    precision = ar1_precision(loadings.phi, before.shape[1])
    prior = precision / loading[:, None, None] ** 2
    known = np.atleast_2d(information[block])
    hessian = prior + np.eye(before.shape[1]) * known[:, :, None]
    slope = np.atleast_2d(gradient[block]) - (prior @ before[:, :, None])[:, :, 0]
    covariance = np.linalg.inv(hessian)
    # A threshold model is far from quadratic where nearly everyone fails.
    after = before + np.clip((covariance @ slope[:, :, None])[:, :, 0], -0.5, 0.5)
    variance = (after**2 + np.diagonal(covariance, axis1=1, axis2=2)).mean(axis=1)
    found = np.clip(np.sqrt(variance), *_LOADING_RANGE)
    shape = getattr(effects, block).shape
    one = found if len(shape) > 1 else float(found[0])
    improved: dict[str, Any] = {BLOCKS[block]: one}
    return replace(loadings, **improved), replace(
        effects, **{block: after.reshape(shape)}
    )


def _derivatives(
    evidence: Evidence, loadings: Loadings, effects: Effects
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    regions, industries, months = evidence.panel.shape
    sigma = np.full((regions, industries), loadings.sigma)
    gradient, per_group = evidence.derivatives(effects, sigma)
    region, industry, month = evidence.panel.groups[:, :3].T
    information = {
        "level": np.bincount(month, per_group, months),
        "region": _grid(region, month, per_group, (regions, months)),
        "industry": _grid(industry, month, per_group, (industries, months)),
    }
    return {name: getattr(gradient, name) for name in BLOCKS}, information


def _grid(
    group: NDArray[np.int64],
    month: NDArray[np.int64],
    values: FloatArray,
    shape: tuple[int, int],
) -> FloatArray:
    flat = np.bincount(group * shape[1] + month, values, shape[0] * shape[1])
    return flat.reshape(shape)


def _summary(evidence: Evidence, loadings: Loadings, effects: Effects) -> Pilot:
    _, information = _derivatives(evidence, loadings, effects)
    kinds = {
        name: _kind(
            getattr(loadings, name),
            getattr(effects, name),
            information[name],
            loadings.phi,
        )
        for name in _KINDS
    }
    level, told = (
        effects.level.copy(),
        1 / np.maximum(information["level"], _LEAST_INFORMATION),
    )
    for name, kind in kinds.items():
        paths, loading = getattr(effects, name), getattr(loadings, name)
        if kind is not None and kind.basis is not None:
            level += kind.share @ paths
        elif kind is not None:
            # The groups' common part is not in the level, and blurs what is told of it.
            level += paths.mean()
            told += (kind.share**2 * loading**2).sum()
    national = np.array([loadings.national])
    return Pilot(
        loadings=loadings,
        threshold=evidence.threshold,
        level=_paths(level[None], 1 / told[None], national, loadings.phi),
        level_seen=level,
        region=kinds["region"],
        industry=kinds["industry"],
    )


def _kind(
    loading: FloatArray, effects: FloatArray, information: FloatArray, phi: float
) -> Kind | None:
    if not loading.any():
        return None
    basis = make_basis(information.mean(axis=1))
    about_loadings = _about_loadings(loading, information)
    if about_loadings.information.mean() > _TELLING * effects.shape[1]:
        pooled = np.sqrt((loading**2).mean())
        told = (basis.outward**2).T @ information
        paths = _paths(basis.inward @ effects, told, pooled * basis.spread, phi)
        coordinates: Basis | None = basis
    else:
        own = effects - effects.mean(axis=1, keepdims=True)
        paths = _paths(own, information, loading, phi)
        coordinates = None
    about_offsets = _about_offsets(loading, effects, information, phi)
    return Kind(basis.share, coordinates, paths, about_loadings, about_offsets)


def _about_loadings(loading: FloatArray, information: FloatArray) -> Hint:
    """About the log of standard deviations: every month tells 2 s^2.

    Here s is the share of a month's effect that is its own, not noise.
    """
    signal = loading[:, None] ** 2 * information
    known = 2 * ((signal / (1 + signal)) ** 2).sum(axis=1)
    return Hint(known, log_of_loading(loading))


def _about_offsets(
    loading: FloatArray, effects: FloatArray, information: FloatArray, phi: float
) -> Hint:
    """About static parts, of which every month tells, less its AR(1) path and noise."""
    months = np.arange(effects.shape[1])
    lags = np.abs(np.subtract.outer(months, months))
    noise = np.eye(len(months)) / np.maximum(information, _LEAST_INFORMATION)[:, :, None]
    covariance = loading[:, None, None] ** 2 * phi**lags + noise
    known = np.linalg.inv(covariance).sum(axis=(1, 2))
    return Hint(known, effects.mean(axis=1) - effects.mean())


def _paths(
    paths: FloatArray, information: FloatArray, scale: FloatArray, phi: float
) -> Hint:
    precision = ar1_precision(phi, paths.shape[1])
    weighted = (paths @ precision) / scale[:, None] ** 2 + information * paths
    return Hint(np.ascontiguousarray(information), np.ascontiguousarray(weighted))


def ar1_precision(phi: float, months: int) -> FloatArray:
    """Precision matrix of a stationary AR(1) of unit variance, shape (T, T)."""
    lags = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    return np.linalg.inv(phi**lags)
