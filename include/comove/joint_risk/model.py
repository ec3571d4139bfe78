"""The factor copula as a PyMC model.

For a borrower of region r and industry s in month t (docs/factor-copula.md derives it),

    X = l0 f0 + lr fr + ls fs + sigma e,   event when X > Phi^-1(1 - pd*),

with every factor a stationary AR(1). The likelihood knows the factors only through

    level_t   = l0 f0 + mean of region effects + mean of industry effects
    region_rt = lr fr + offset_r, less its mean          (industry likewise)

so these are sampled, and the means, which no data can tell from the national factor, are
integrated out exactly. `comove.joint_risk.recovery` draws the factors themselves.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from comove.joint_risk.basis import Basis
from comove.joint_risk.evidence import Effects, Evidence, ThresholdEvidence
from comove.joint_risk.graph import Colour, DeviationPrior, LevelPrior
from comove.joint_risk.known import known
from comove.joint_risk.loading import bounded_loading
from comove.joint_risk.month_scale import Common, common_scale, quantile_at
from comove.joint_risk.pilot import Hint, Kind, Pilot
from comove.settings import Settings

FloatArray = NDArray[np.float64]
Tensor = Any


@dataclass(frozen=True)
class Effect:
    """Hyper-parameters of the effects of regions, or of industries.

    Parameters
    ----------
    loading : Tensor, shape (G,)
        Of each group.
    phi : Tensor
        Autoregression, common to the groups.
    offset : Tensor, shape (G,)
        Static part.
    """

    loading: Tensor
    phi: Tensor
    offset: Tensor

    @property
    def mean_square(self) -> Tensor:
        """Mean of the squared loadings."""
        return pt.mean(self.loading**2)

    @property
    def common_variance(self) -> Tensor:
        """Variance of the groups' common part, given their deviations."""
        return 1 / pt.sum(self.loading**-2)


def build_model(
    evidence: Evidence, pilot: Pilot, priors: Settings, *, student_t: bool = False
) -> pm.Model:
    """Build the model of some counts.

    Parameters
    ----------
    evidence : Evidence
        Counts with their likelihood.
    pilot : Pilot
        Of the same counts; decides coordinates, not what is estimated.
    priors : Settings
        Settings.
    student_t : bool
        With a common scale per month; needs `ThresholdEvidence`.

    Returns
    -------
    pm.Model
        Its deterministic variables `level`, `region_effect` and `industry_effect` are
        what the likelihood saw, offsets included.
    """
    panel = evidence.panel
    coords = {
        "region": panel.regions,
        "industry": panel.industries,
        "month": [f"{month:%Y-%m}" for month in panel.months],
    }
    with pm.Model(coords=coords) as model:
        national = pm.Deterministic(
            "loading_national",
            bounded_loading(
                pm.Normal(
                    "log_loading_national",
                    np.log(priors.joint_prior_national_loading),
                    priors.joint_prior_log_loading_spread,
                )
            ),
        )
        phi = pm.Beta(
            "phi_national", priors.joint_prior_phi_alpha, priors.joint_prior_phi_beta
        )
        region = _effect("region", pilot, priors)
        industry = _effect("industry", pilot, priors)
        common = common_scale(len(panel.months), priors) if student_t else None
        effects = _paths(panel.shape, pilot, (national, phi), (region, industry), common)
        sigma = _sigma(national, region, industry, panel.shape[:2])
        if isinstance(evidence, ThresholdEvidence):
            evidence.add(effects, sigma, common)
        else:
            evidence.add(effects, sigma)
    return model


def _effect(name: str, pilot: Pilot, priors: Settings) -> Effect | None:
    """Hyper-parameters of one kind of groups, partially pooled."""
    kind: Kind | None = getattr(pilot, name)
    if kind is None:
        return None
    hints = known([*kind.log_loading, *kind.offset])
    log_loading = _pooled(
        f"log_loading_{name}",
        name,
        pm.Normal(
            f"log_loading_{name}_mean",
            np.log(priors.joint_prior_group_loading),
            priors.joint_prior_log_loading_spread,
        ),
        pm.HalfNormal(f"log_loading_{name}_spread", priors.joint_prior_pooling_spread),
        hints[:2],
    )
    offset = _pooled(
        f"offset_{name}",
        name,
        pt.constant(0.0),
        pm.HalfNormal(f"offset_{name}_spread", priors.joint_prior_offset_spread),
        hints[2:],
    )
    phi = pm.Beta(
        f"phi_{name}", priors.joint_prior_phi_alpha, priors.joint_prior_phi_beta
    )
    loading = pm.Deterministic(f"loading_{name}", bounded_loading(log_loading), dims=name)
    return Effect(loading, phi, pm.Deterministic(f"offset_{name}", offset, dims=name))


def _pooled(name: str, dim: str, middle: Tensor, spread: Tensor, hint: Tensor) -> Tensor:
    """Add normal values around a middle, one for each group.

    Sampled as white noise around where prior and data together put them, which is what
    `comove.joint_risk.whitening` does for paths.
    """
    known, place = hint[0], hint[1]
    noise = pm.Flat(f"{name}_noise", dims=dim)
    # In units of the spread, so that nothing is lost where it is near 0.
    told = 1 + known * spread**2
    standard = spread * known * (place - middle) / told + noise * told**-0.5
    density = -0.5 * pt.sum(standard**2) - 0.5 * pt.sum(pt.log(told))
    pm.Potential(f"{name}_prior", density)
    return middle + spread * standard


def _paths(
    shape: tuple[int, int, int],
    pilot: Pilot,
    national: tuple[Tensor, Tensor],
    groups: tuple[Effect | None, Effect | None],
    common: Common | None,
) -> Effects:
    """Add the paths with their priors; national: its factor's loading and phi."""
    place = _place(pilot, national[0], groups)
    kinds = dict(zip(("region", "industry"), groups, strict=True))
    told = {
        name: _deviations(name, seen, seen.basis, effect, place)
        for name, effect in kinds.items()
        if effect is not None and (seen := getattr(pilot, name)).basis is not None
    }
    parts = list(told.values())
    spread = pt.sqrt(national[0] ** 2 + sum(part.untold_variance for part in parts))
    level = _sampled_level(pilot.level, spread, national[1], place, common)
    level = level + sum(part.level_shift for part in parts)
    _add_level_prior(level, *national, parts)
    own = {n: one for n, one in kinds.items() if one is not None and n not in told}
    beside = level - known(pilot.level_seen) if own else level
    shown = {name: part.shown for name, part in told.items()} | {
        name: _own_paths(name, getattr(pilot, name), effect, beside)
        for name, effect in own.items()
    }
    region, industry = (
        shown.get(name, pt.zeros((count, shape[2])))
        for name, count in zip(kinds, shape[:2], strict=True)
    )
    return Effects(
        pm.Deterministic("level", level, dims="month"),
        pm.Deterministic("region_effect", region, dims=("region", "month")),
        pm.Deterministic("industry_effect", industry, dims=("industry", "month")),
    )


@dataclass(frozen=True)
class _Place:
    """How coordinates move with sigma, so that the data stay where they are.

    Data fix ``(z + effect) / sigma``. When loadings change, so does sigma, and every
    effect has to follow; coordinates in which it does by itself are independent of the
    loadings. Stretching has a Jacobian, shifting has none.
    """

    sigma: Tensor
    pilot_sigma: Tensor
    threshold: Tensor

    @property
    def stretch(self) -> Tensor:
        return self.sigma / self.pilot_sigma

    def shift(self, effect: Effect) -> Tensor:
        """Find what a group's own sigma adds to its effects, shape (G,)."""
        own = self.sigma**2 + effect.mean_square - effect.loading**2
        return (pt.sqrt(own) - self.sigma) * (self.threshold / self.pilot_sigma)


def _place(
    pilot: Pilot, national: Tensor, groups: tuple[Effect | None, Effect | None]
) -> _Place:
    shared = sum(effect.mean_square for effect in groups if effect is not None)
    own = 1 - national**2 - shared
    seen = known([pilot.loadings.sigma, pilot.threshold])
    return _Place(pt.sqrt(own), seen[0], seen[1])


def _sampled_level(
    seen: Hint, spread: Tensor, phi: Tensor, place: _Place, common: Common | None
) -> Tensor:
    months = seen.information.shape[1]
    noise = pm.Flat("level_noise", shape=(1, months))
    path, log_jacobian = _coloured(noise, (spread / place.stretch)[None], phi, seen)
    pm.Potential("level_jacobian", log_jacobian + months * pt.log(place.stretch))
    threshold = place.threshold
    if common is not None:
        # A month's scale moves the thresholds, and the level has to make up for it.
        threshold = common.scale * quantile_at(place.threshold, common.nu)
    return place.stretch * (path[0] + place.threshold) - threshold


@dataclass(frozen=True)
class _Deviations:
    """Sampled deviations of one kind of groups from the level.

    Parameters
    ----------
    shown : Tensor, shape (G, T)
        As the likelihood sees them, offsets included.
    in_level : Tensor, shape (T,)
        What of the level is theirs, as far as the deviations tell.
    untold_variance : Tensor
        Variance of what of the level is theirs beyond it.
    level_shift : Tensor
        Moves the level along with the groups' own sigmas.
    phi : Tensor
        Autoregression.
    """

    shown: Tensor
    in_level: Tensor
    untold_variance: Tensor
    level_shift: Tensor
    phi: Tensor


def _own_paths(name: str, seen: Kind, effect: Effect, level_beside: Tensor) -> Tensor:
    """Add every group's path by itself: the coordinates where data are few.

    They are those of the path given level and offset: where these are beside what the
    pilot saw, the data tell of so much less (level_beside, of the level).
    """
    noise = pm.Flat(f"{name}_noise", shape=seen.paths.information.shape)
    hints = known(list(seen.paths))
    offset_beside = effect.offset - known(seen.offset.value)
    beside = level_beside[None, :] + offset_beside[:, None]
    found: Any = Colour()(
        noise, effect.loading, effect.phi, hints[0], hints[1] - hints[0] * beside
    )
    path, log_jacobian = found
    pm.Potential(f"{name}_jacobian", log_jacobian)
    pm.Potential(f"{name}_prior", _ar1_log_density(path, effect))
    own = pm.Deterministic(f"{name}_own", path)
    return own + effect.offset[:, None]


def _ar1_log_density(path: Tensor, effect: Effect) -> Tensor:
    """Log density of independent AR(1) paths, up to a constant."""
    groups, months = path.shape[0], path.shape[1]
    variance = 1 - effect.phi**2
    inner = (path[:, 1:] - effect.phi * path[:, :-1]) / pt.sqrt(variance)
    innovations = pt.concatenate([path[:, :1], inner], axis=1)
    squares = pt.sum((innovations / effect.loading[:, None]) ** 2)
    scales = months * pt.sum(pt.log(effect.loading))
    return -0.5 * squares - scales - 0.5 * groups * (months - 1) * pt.log(variance)


def _deviations(
    name: str, seen: Kind, basis: Basis, effect: Effect, place: _Place
) -> _Deviations:
    """Add deviations from the level: the coordinates where data are many."""
    share = known(seen.share)
    noise = pm.Flat(f"{name}_noise", shape=seen.paths.information.shape)
    scale = pt.sqrt(effect.mean_square) * known(basis.spread) / place.stretch
    path, log_jacobian = _coloured(noise, scale, effect.phi, seen.paths)
    stretching = seen.paths.information.size * pt.log(place.stretch)
    pm.Potential(f"{name}_jacobian", log_jacobian + stretching)
    shift = place.shift(effect)
    mean_shift = pt.sum(share * shift)
    shown = place.stretch * pt.dot(known(basis.outward), path)
    shown = shown + (shift - mean_shift)[:, None]
    mean_offset = pt.sum(share * effect.offset)
    deviation = shown - (effect.offset - mean_offset)[:, None]
    density: Any = DeviationPrior()(deviation, effect.loading, effect.phi)
    pm.Potential(f"{name}_prior", density[0])
    weighted = pt.sum(deviation / (effect.loading**2)[:, None], axis=0)
    in_level = mean_offset - effect.common_variance * weighted
    return _Deviations(shown, in_level, effect.common_variance, mean_shift, effect.phi)


def _coloured(
    noise: Tensor, scale: Tensor, phi: Tensor, seen: Hint
) -> tuple[Tensor, Tensor]:
    hints = known(list(seen))
    found: Any = Colour()(noise, scale, phi, hints[0], hints[1])
    return found[0], found[1]


def _add_level_prior(
    level: Tensor, national: Tensor, phi: Tensor, parts: list[_Deviations]
) -> None:
    """Add that the level, less what deviations say of it, is a sum of AR(1) paths."""
    rest = level - sum(part.in_level for part in parts)
    untold = [part for part in parts if part.untold_variance is not None]
    variances: Any = [national**2, *[part.untold_variance for part in untold]]
    phis: Any = [phi, *[part.phi for part in untold]]
    density: Any = LevelPrior()(rest, pt.stack(variances), pt.stack(phis))
    pm.Potential("level_prior", density[0])


def _sigma(
    national: Tensor,
    region: Effect | None,
    industry: Effect | None,
    shape: tuple[int, int],
) -> Tensor:
    variance = pt.ones(shape) - national**2
    if region is not None:
        variance -= (region.loading**2)[:, None]
    if industry is not None:
        variance -= (industry.loading**2)[None, :]
    return pt.sqrt(variance)
