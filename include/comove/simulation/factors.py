"""National, regional and industry factors, and the events they cause together.

The model of design section 4.3: for a borrower of region r and industry s in month t,
X = λ₀ f₀ₜ + λᵣ fᵣₜ + λₛ fₛₜ + sigma ε with sigma² = 1 - Σλ²; an event when
X > Φ⁻¹(1 - pd).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from comove.simulation.calendar import Bools, Floats, Ints
from comove.simulation.plan import Plan


@dataclass(frozen=True)
class Factors:
    """What drives borrowers together.

    Parameters
    ----------
    national : ndarray, shape (months,)
        Path of the national factor, unit variance.
    region : ndarray, shape (regions, months)
        Paths of the regional factors.
    industry : ndarray, shape (industries, months)
        Paths of the industry factors.
    national_loading : float
        λ₀.
    region_loading, industry_loading : ndarray
        λᵣ and λₛ.
    scale : ndarray, shape (months,)
        Common √(nu/χ²) of the month; ones under the Gaussian copula.
    """

    national: Floats
    region: Floats
    industry: Floats
    national_loading: float
    region_loading: Floats
    industry_loading: Floats
    scale: Floats

    def common(self, region: Ints, industry: Ints, month: int) -> Floats:
        """Σ λ·f of each borrower in a month."""
        own = self.region_loading * self.region[:, month]
        trade = self.industry_loading * self.industry[:, month]
        national = self.national_loading * self.national[month]
        return np.asarray(national + own[region] + trade[industry])

    def own(self, region: Ints, industry: Ints) -> Floats:
        """Give sigma of each borrower."""
        squares = self.region_loading[region] ** 2 + self.industry_loading[industry] ** 2
        return np.sqrt(1 - self.national_loading**2 - squares)


def draw_factors(plan: Plan, months: int, rng: np.random.Generator) -> Factors:
    """Draw loadings and paths.

    Parameters
    ----------
    plan : Plan
        Medians of the loadings, AR(1) coefficients, copula.
    months : int
        Length of the paths.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Factors
        Stationary from the first month on.
    """
    return Factors(
        national=draw_ar1(1, months, plan.national_phi, rng)[0],
        region=draw_ar1(plan.regions, months, plan.region_phi, rng),
        industry=draw_ar1(plan.industries, months, plan.industry_phi, rng),
        national_loading=plan.national_loading,
        region_loading=_loadings(plan.region_loading, plan.regions, plan, rng),
        industry_loading=_loadings(plan.industry_loading, plan.industries, plan, rng),
        scale=_scale(plan, months, rng),
    )


def draw_ar1(count: int, months: int, phi: float, rng: np.random.Generator) -> Floats:
    """Stationary AR(1) paths of unit variance.

    Returns
    -------
    numpy.ndarray
        Shape (count, months).
    """
    shocks = rng.standard_normal((count, months))
    path = np.empty_like(shocks)
    path[:, 0] = shocks[:, 0]
    for month in range(1, months):
        path[:, month] = phi * path[:, month - 1] + np.sqrt(1 - phi**2) * shocks[:, month]
    return path


def _loadings(median: float, count: int, plan: Plan, rng: np.random.Generator) -> Floats:
    spread = rng.standard_normal(count).clip(-2, 2)
    return np.asarray(median * np.exp(plan.loading_spread * spread))


def _scale(plan: Plan, months: int, rng: np.random.Generator) -> Floats:
    if plan.copula == "gaussian":
        return np.ones(months)
    return np.sqrt(plan.nu / rng.chisquare(plan.nu, months))


class Threshold:
    """The value the latent variable must exceed, from the probit of the pd.

    Parameters
    ----------
    plan : Plan
        Says which copula, hence which margin.

    Notes
    -----
    Gaussian: Φ⁻¹(1 - pd) = -Φ⁻¹(pd). Student-t: t_nu⁻¹(1 - pd), interpolated between
    4,001 exact values, since it costs a hundred times as much.
    """

    def __init__(self, plan: Plan) -> None:
        self._is_gaussian = plan.copula == "gaussian"
        self._probit = np.linspace(-6, 4, 4001)
        self._value = -special.stdtrit(plan.nu, special.ndtr(self._probit))

    def __call__(self, probit: Floats) -> Floats:
        """Thresholds for Φ⁻¹(pd)."""
        if self._is_gaussian:
            return -probit
        return np.asarray(np.interp(probit, self._probit, self._value))


def draw_events(
    common: Floats,
    own: Floats,
    threshold: Floats,
    scale: float,
    rng: np.random.Generator,
) -> Bools:
    """Which borrowers have an event in a month.

    Parameters
    ----------
    common, own : ndarray
        Σ λ·f (with a contagion shock, if any) and sigma of each borrower.
    threshold : ndarray
        From `Threshold`.
    scale : float
        √(nu/χ²) of the month.
    rng : numpy.random.Generator
        Source of the borrowers' own ε.
    """
    latent = scale * (common + own * rng.standard_normal(common.shape))
    return np.asarray(latent > threshold)
