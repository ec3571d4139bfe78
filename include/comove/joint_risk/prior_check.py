"""What the priors say about a portfolio before any data are seen.

Hyper-parameters are drawn from the PyMC model that is fitted, so priors have one home;
groups, paths and default rates follow from them by the formulas of `Draws`.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pymc as pm
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from comove.joint_risk.evidence import ThresholdEvidence
from comove.joint_risk.loading import bounded_loading
from comove.joint_risk.model import build_model
from comove.joint_risk.panel import Panel
from comove.joint_risk.pilot import look
from comove.joint_risk.recovery import ar1_paths
from comove.joint_risk.student_t import thresholds
from comove.risk_model.canvas import (
    BLUE,
    QUIET,
    drawn,
    new_figure,
    percent_axis,
    signed,
)
from comove.settings import Settings

FloatArray = NDArray[np.float64]

_KINDS = "region", "industry"
_BINS = 40
_TITLES = {
    "same_cell": "Asset correlation, same region and industry",
    "same_region": "Asset correlation, same region only",
    "same_industry": "Asset correlation, same industry only",
    "neither": "Asset correlation, neither",
    "worst_to_mean": "Worst month's default rate over the mean",
    "region_spread": "Regions in a month: largest rate over smallest",
}


@dataclass(frozen=True)
class Portfolio:
    """A portfolio in which every cell is large, so that only factors move its rates.

    Parameters
    ----------
    regions, industries, months : int
        How many there are.
    pd : float
        Of everybody, in a month.
    """

    regions: int = 10
    industries: int = 6
    months: int = 60
    pd: float = 0.01


_USUAL = Portfolio()


def imply(
    priors: Settings,
    portfolio: Portfolio = _USUAL,
    *,
    draws: int = 2000,
    seed: int = 0,
    student_t: bool = False,
) -> pd.DataFrame:
    """Simulate what the priors imply.

    Parameters
    ----------
    priors : Settings
        Settings.
    portfolio : Portfolio
        Whose default rates are simulated.
    draws : int
        Simulations.
    seed : int
        Of all of them.
    student_t : bool
        With the common scale of the Student-t copula.

    Returns
    -------
    pandas.DataFrame
        One row a simulation. Correlations of the latent variables of two borrowers,
        factors unknown: ``same_cell``, ``same_region``, ``same_industry``, ``neither``.
        ``worst_to_mean``: default rate of the worst month over the mean of all.
        ``region_spread``: largest over smallest region's rate, in the middle month.
    """
    random = np.random.default_rng(seed)
    hyper = hyper_draws(priors, draws, random, student_t=student_t)
    loadings = {kind: _group_loadings(hyper, kind, portfolio, random) for kind in _KINDS}
    rates = _rates(hyper, loadings, portfolio, random)
    of_region = rates.mean(axis=2)
    of_month = of_region.mean(axis=1)
    middle = of_region[:, :, portfolio.months // 2]
    national = hyper["loading_national"] ** 2
    region, industry = (loadings[kind][:, 0] ** 2 for kind in _KINDS)
    return pd.DataFrame(
        {
            "same_cell": national + region + industry,
            "same_region": national + region,
            "same_industry": national + industry,
            "neither": national,
            "worst_to_mean": of_month.max(axis=1) / of_month.mean(axis=1),
            "region_spread": middle.max(axis=1) / middle.min(axis=1),
        }
    )


def hyper_draws(
    priors: Settings, draws: int, random: np.random.Generator, *, student_t: bool = False
) -> dict[str, FloatArray]:
    """Draw the hyper-parameters from the model's own priors.

    Returns
    -------
    dict of str to ndarray, shape (draws,)
        By the model's names: loading and autoregression of the national factor; of
        regions and industries the mean of the log loadings, spreads and autoregression;
        ``nu`` with `student_t`.
    """
    evidence = ThresholdEvidence(_least_panel())
    pilot = look(
        evidence,
        priors.joint_prior_national_loading,
        priors.joint_prior_group_loading,
        priors.joint_prior_group_loading,
    )
    model = build_model(evidence, pilot, priors, student_t=student_t)
    names = ["loading_national", "phi_national"]
    for kind in _KINDS:
        names += [f"log_loading_{kind}_mean", f"log_loading_{kind}_spread"]
        names += [f"offset_{kind}_spread", f"phi_{kind}"]
    names += ["nu"] * student_t
    found = pm.draw([model[name] for name in names], draws, random_seed=random)
    return {
        name: np.asarray(one, np.float64) for name, one in zip(names, found, strict=True)
    }


def prior_table(implied: pd.DataFrame) -> pd.DataFrame:
    """Summarise what the priors imply.

    Parameters
    ----------
    implied : pandas.DataFrame
        From `imply`.

    Returns
    -------
    pandas.DataFrame
        Per quantity: ``q05``, ``median``, ``q95``.
    """
    found = implied.quantile([0.05, 0.5, 0.95]).T
    return found.set_axis(["q05", "median", "q95"], axis=1).rename_axis("quantity")


@drawn
def prior_picture(implied: pd.DataFrame, origin: str = "") -> Figure:
    """Draw how what the priors imply is spread.

    Parameters
    ----------
    implied : pandas.DataFrame
        From `imply`.
    origin : str
        Written below.
    """
    figure = new_figure((9.6, 5.2))
    panels = figure.subplots(2, 3).ravel()
    for axes, (name, title) in zip(panels, _TITLES.items(), strict=True):
        _histogram(axes, implied[name], title)
    return signed(figure, origin)


def _histogram(axes: Axes, values: pd.Series, title: str) -> None:
    is_ratio = values.min() >= 1
    last = values.quantile(0.99)
    edges = np.linspace(1.0 if is_ratio else 0.0, last, _BINS + 1)
    shares = np.histogram(values, edges)[0] / len(values)
    axes.stairs(shares, edges, fill=True, color=BLUE)
    axes.axvline(values.median(), color=QUIET, linestyle="--")
    axes.set_title(title, fontsize=9)
    percent_axis(axes)
    axes.set_ylabel("% of simulations")


def _group_loadings(
    hyper: dict[str, FloatArray],
    kind: str,
    portfolio: Portfolio,
    random: np.random.Generator,
) -> FloatArray:
    """Draw the loading of each group, shape (D, G)."""
    count = portfolio.regions if kind == "region" else portfolio.industries
    mean = hyper[f"log_loading_{kind}_mean"][:, None]
    spread = hyper[f"log_loading_{kind}_spread"][:, None]
    noise = random.standard_normal((len(mean), count))
    return np.asarray(bounded_loading(mean + spread * noise))


def _rates(
    hyper: dict[str, FloatArray],
    loadings: dict[str, FloatArray],
    portfolio: Portfolio,
    random: np.random.Generator,
) -> FloatArray:
    """Default rates of cells by month, shape (D, R, S, T)."""
    months = portfolio.months
    national = ar1_paths(hyper["phi_national"], 1, months, random)[:, 0]
    level = hyper["loading_national"][:, None] * national
    region, industry = (
        loadings[kind][:, :, None]
        * ar1_paths(hyper[f"phi_{kind}"], loadings[kind].shape[1], months, random)
        + _offsets(hyper[f"offset_{kind}_spread"], loadings[kind].shape, random)
        for kind in _KINDS
    )
    z = _month_thresholds(hyper.get("nu"), portfolio, len(level), random)
    own = 1 - hyper["loading_national"][:, None, None] ** 2
    own = own - loadings["region"][:, :, None] ** 2 - loadings["industry"][:, None] ** 2
    total = (z + level)[:, None, None] + region[:, :, None] + industry[:, None]
    return np.asarray(ndtr(total / np.sqrt(own)[:, :, :, None]))


def _offsets(
    spread: FloatArray, shape: tuple[int, ...], random: np.random.Generator
) -> FloatArray:
    return np.asarray((spread[:, None] * random.standard_normal(shape))[:, :, None])


def _month_thresholds(
    nu: FloatArray | None, portfolio: Portfolio, draws: int, random: np.random.Generator
) -> FloatArray:
    """Threshold of everybody in each month, shape (D, T)."""
    shape = draws, portfolio.months
    if nu is None:
        return np.full(shape, ndtri(portfolio.pd))
    scale = np.sqrt(random.chisquare(nu[:, None], shape) / nu[:, None])
    return np.asarray(scale * thresholds(ndtri(portfolio.pd), nu, draws)[:, None])


def _least_panel() -> Panel:
    """Make up counts to build the model with: its priors do not depend on them."""
    places = np.indices((2, 2, 2)).reshape(3, -1)
    return Panel(
        ("a", "b"),
        ("a", "b"),
        (dt.date(2000, 1, 1), dt.date(2000, 2, 1)),
        region=places[0],
        industry=places[1],
        month=places[2],
        pd=np.full(8, 0.1),
        n=np.full(8, 100),
        events=np.full(8, 10),
    )
