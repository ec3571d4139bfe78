"""The factors themselves, drawn from what was sampled.

The sampler knows a level and deviations (`comove.joint_risk.model`); the part that
regions have in common, that of industries, and the national factor add up to the level.
Given a draw they are jointly normal, so they are drawn exactly: simulate all of them
from their priors, then move them by what the simulated level lacks (Matheron's rule;
Doucet, 2010).
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comove.joint_risk.draws import Draws

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Sampled:
    """What the sampler stored, chains flattened, by the model's names.

    Parameters
    ----------
    values : dict of str to ndarray, shape (D, ...)
        Posterior draws.
    """

    values: dict[str, FloatArray]

    @property
    def draws(self) -> int:
        """Number of draws, D."""
        return len(self.values["loading_national"])

    def of(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Draws of a variable, or zeros where the model has none of it."""
        found = self.values.get(name)
        return np.zeros((self.draws, *shape)) if found is None else found


def recover(
    sampled: Sampled,
    regions: tuple[str, ...],
    industries: tuple[str, ...],
    months: tuple[dt.date, ...],
    *,
    seed: int,
) -> Draws:
    """Draw the factors' paths.

    Parameters
    ----------
    sampled : Sampled
        Of one model.
    regions, industries, months
        Of its panel.
    seed : int
        Of the draws.

    Returns
    -------
    Draws
        Level, region and industry effects of each draw are exactly those sampled:
        loadings times factors, plus offsets.
    """
    random = np.random.default_rng(seed)
    shapes = {"region": len(regions), "industry": len(industries)}
    loading = {n: sampled.of(f"loading_{n}", (size,)) for n, size in shapes.items()}
    offset = {n: sampled.of(f"offset_{n}", (size,)) for n, size in shapes.items()}
    phi = {n: sampled.of(f"phi_{n}", ()) for n in ("national", *shapes)}
    kinds = {
        n: _Kind(sampled, n, loading[n], offset[n]) for n in shapes if loading[n].any()
    }
    untold = {
        n: kind.untold_variance
        for n, kind in kinds.items()
        if kind.untold_variance is not None
    }
    rest = sampled.values["level"] - sum(kind.in_level for kind in kinds.values())
    parts = _split(
        rest,
        [sampled.values["loading_national"] ** 2, *untold.values()],
        [phi["national"], *[phi[n] for n in untold]],
        random,
    )
    shifts = dict(zip(untold, parts[1:], strict=True))
    paths = {
        n: np.zeros((sampled.draws, size, len(months))) for n, size in shapes.items()
    }
    for n, kind in kinds.items():
        paths[n] = kind.effects(shifts.get(n)) / loading[n][:, :, None]
    return Draws(
        regions=regions,
        industries=industries,
        months=months,
        loading_national=sampled.values["loading_national"],
        loading_region=loading["region"],
        loading_industry=loading["industry"],
        phi_national=phi["national"],
        phi_region=phi["region"],
        phi_industry=phi["industry"],
        offset_region=offset["region"],
        offset_industry=offset["industry"],
        national=parts[0] / sampled.values["loading_national"][:, None],
        region=paths["region"],
        industry=paths["industry"],
        nu=sampled.values.get("nu"),
    )


class _Kind:
    """Effects of regions, or of industries, as far as they were sampled."""

    def __init__(
        self,
        sampled: Sampled,
        name: str,
        loading: FloatArray,
        offset: FloatArray,
    ) -> None:
        own = sampled.values.get(f"{name}_own")
        self.untold_variance: FloatArray | None = None
        if own is not None:
            self._effects, self.in_level = own, np.zeros_like(sampled.values["level"])
            return
        # Any common shift of the deviations cancels in the sum of the two below.
        deviation = sampled.values[f"{name}_effect"] - offset[:, :, None]
        precision = loading**-2
        self.untold_variance = 1 / precision.sum(axis=1)
        weighted = (deviation * precision[:, :, None]).sum(axis=1)
        self.in_level = -self.untold_variance[:, None] * weighted
        self._effects = deviation + self.in_level[:, None, :]

    def effects(self, untold: FloatArray | None) -> FloatArray:
        """Multiply loadings and factors, shape (D, G, T)."""
        return self._effects if untold is None else self._effects + untold[:, None, :]


def _split(
    total: FloatArray,
    variances: list[FloatArray],
    phis: list[FloatArray],
    random: np.random.Generator,
) -> list[FloatArray]:
    """Draw the AR(1) paths whose sum is given, shapes (D, T)."""
    months = total.shape[1]
    lags = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    covariances = [
        variance[:, None, None] * phi[:, None, None] ** lags
        for variance, phi in zip(variances, phis, strict=True)
    ]
    prior = [
        ar1_paths(phi, 1, months, random)[:, 0] * np.sqrt(variance)[:, None]
        for variance, phi in zip(variances, phis, strict=True)
    ]
    lacking = (total - sum(prior))[:, :, None]
    pull = np.linalg.solve(sum(covariances), lacking)
    return [
        path + (covariance @ pull)[:, :, 0]
        for path, covariance in zip(prior, covariances, strict=True)
    ]


def ar1_paths(
    phi: FloatArray, count: int, months: int, random: np.random.Generator
) -> FloatArray:
    """Draw stationary AR(1) paths of unit variance.

    Parameters
    ----------
    phi : ndarray, shape (D,)
        Autoregression, common to the paths of a draw.
    count, months : int
        Paths of each draw, and their length.
    random : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray, shape (D, count, months)
        The paths.
    """
    paths = random.standard_normal((len(phi), count, months))
    root = np.sqrt(1 - phi**2)[:, None]
    for month in range(1, months):
        before = phi[:, None] * paths[:, :, month - 1]
        paths[:, :, month] = before + root * paths[:, :, month]
    return paths
