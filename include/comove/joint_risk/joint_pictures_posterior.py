"""Pictures of a posterior: factor paths, loadings, chains, and what data added to priors.

Every function takes small tables and returns a figure; what cannot be drawn becomes a
figure that says why.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import beta, rankdata

from comove.joint_risk.loading import bounded_loading
from comove.risk_model.canvas import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    SKY,
    WIDE,
    drawn,
    month_axis,
    new_figure,
    note_below,
    signed,
    unavailable,
)
from comove.settings import Settings

FloatArray = NDArray[np.float64]

MOST_PATHS = 3
MOST_LOADINGS = 30
MOST_TRACES = 7
RANK_BANDS = 20
_CHAINS = (BLUE, ORANGE, GREEN, PURPLE)
_KINDS = {"region": ORANGE, "industry": GREEN}
_NO_FACTORS = "the parameters of this month's posterior were not published"


@dataclass(frozen=True)
class _Chains:
    """One parameter, draws by chain."""

    name: str
    values: FloatArray


@drawn
def paths_picture(factors: pd.DataFrame, origin: str = "") -> Figure:
    """Draw how the factors went, with 90 % bands.

    Parameters
    ----------
    factors : DataFrame
        Rows of ``risk.factor_posterior``: ``parameter``, ``group_name``, ``month``,
        ``mean``, ``q05``, ``q95``.
    origin : str
        Run, month and model version.

    Returns
    -------
    Figure
        The national factor, and those of the regions and industries that move most.
    """
    title = "How the factors went"
    national = _of(factors, "factor_national")
    if national.empty:
        return unavailable(title, _NO_FACTORS, origin)
    rows = [list(_largest_paths(factors, kind)) for kind in _KINDS]
    rows = [row for row in rows if row]
    figure = new_figure((WIDE[0], 3.0 + 2.1 * len(rows)))
    grid = figure.add_gridspec(
        1 + len(rows), MOST_PATHS, height_ratios=[1.3, *[1.0] * len(rows)]
    )
    top = figure.add_subplot(grid[0, :])
    top.set_title(f"{title}: the national factor")
    _path(top, national, BLUE)
    note_below(top, "Up: more events than PDs say. Band: 90 %. Unit: its long-run sd.")
    for place, row in enumerate(rows, start=1):
        for column, (name, path, colour) in enumerate(row):
            axes = figure.add_subplot(grid[place, column], sharey=top)
            axes.set_title(name, fontsize=9.5)
            _path(axes, path, colour)
            axes.set_xlabel("")
    return _settled(signed(figure, origin))


@drawn
def loadings_picture(factors: pd.DataFrame, origin: str = "") -> Figure:
    """Draw loadings with their 90 % intervals, largest first, beside the national one.

    Parameters
    ----------
    factors : DataFrame
        Rows of ``risk.factor_posterior``.
    origin : str
        Run, month and model version.
    """
    title = "Loadings: how much a factor moves its borrowers"
    national = _of(factors, "loading_national")
    if national.empty:
        return unavailable(title, _NO_FACTORS, origin)
    kinds = {kind: _of(factors, f"loading_{kind}") for kind in _KINDS}
    kinds = {kind: one for kind, one in kinds.items() if len(one)}
    most = max([min(len(one), MOST_LOADINGS) for one in kinds.values()], default=1)
    figure = new_figure((WIDE[0], 2.1 + 0.19 * most))
    panels = figure.subplots(1, max(len(kinds), 1), sharex=True, squeeze=False)[0]
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    for axes in panels:
        _national_band(axes, national)
    for axes, (kind, one) in zip(panels, kinds.items(), strict=False):
        _forest(axes, one, kind)
    panels[0].set_xlim(left=0)
    if not kinds:
        panels[0].set_yticks([])
    handles, _ = panels[0].get_legend_handles_labels()
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    return signed(figure, origin)


@drawn
def chains_picture(trace: xr.Dataset | None, why: str = "", origin: str = "") -> Figure:
    """Draw the chains of the parameters that mixed least, and their ranks.

    Ranks of a chain among all draws are uniform where chains agree (Vehtari, Gelman,
    Simpson, Carpenter and Bürkner, 2021).

    Parameters
    ----------
    trace : xarray.Dataset or None
        Parameters with dimensions chain and draw.
    why : str
        Why there is none.
    origin : str
        Run, month and model version.
    """
    title = "Chains"
    shown = [] if trace is None else _to_show(trace)
    if not shown:
        return unavailable(title, why or "the posterior has no parameters", origin)
    figure = new_figure((WIDE[0], 0.9 + 1.25 * len(shown)))
    panels = figure.subplots(
        len(shown), 2, squeeze=False, width_ratios=[1.9, 1.0], sharex="col"
    )
    for (left, right), one in zip(panels, shown, strict=True):
        _trace(left, one)
        _ranks(right, one)
    panels[0][0].set_title("Draws, a colour per chain")
    panels[0][1].set_title("Ranks of each chain")
    panels[-1][0].set_xlabel("Draw")
    panels[-1][1].set_xlabel("Rank among all draws (share)\nGrey: 99 % if independent")
    return signed(figure, origin)


@drawn
def priors_picture(
    trace: xr.Dataset | None, priors: Settings, why: str = "", origin: str = ""
) -> Figure:
    """Draw what was believed before the data beside what is believed after.

    Parameters
    ----------
    trace : xarray.Dataset or None
        Parameters with dimensions chain and draw.
    priors : Settings
        The settings.
    why : str
        Why there is no trace.
    origin : str
        Run, month and model version.
    """
    title = "What the data added to the priors"
    pairs = {} if trace is None else _priors_and_draws(trace, priors)
    if not pairs:
        return unavailable(title, why or "the posterior has no parameters", origin)
    columns = 4
    rows = -(-len(pairs) // columns)
    figure = new_figure((WIDE[0], 0.8 + 2.0 * rows))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(pairs) :]:
        axes.set_axis_off()
    for axes, (name, (prior, draws)) in zip(panels, pairs.items(), strict=False):
        _prior_and_posterior(axes, prior, draws)
        axes.set_title(name, fontsize=9.5)
    panels[0].legend(loc="upper right", fontsize=8)
    return signed(figure, origin)


def _of(factors: pd.DataFrame, parameter: str) -> pd.DataFrame:
    if "parameter" not in factors:
        return pd.DataFrame()
    return factors[factors["parameter"] == parameter]


def _largest_paths(
    factors: pd.DataFrame, kind: str
) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """Paths of the groups with the largest loadings; none of a one-factor model."""
    loadings = _of(factors, f"loading_{kind}")
    paths = _of(factors, f"factor_{kind}")
    if loadings.empty or paths.empty:
        return
    for row in loadings.nlargest(MOST_PATHS, "mean").to_dict("records"):
        name = row["group_name"]
        title = f"{shortened(name, 24)}, loading {row['mean']:.2f}"
        yield title, paths[paths["group_name"] == name], _KINDS[kind]


def shortened(name: object, most: int) -> str:
    """Cut a name that is too long for its place."""
    text = str(name)
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _path(axes: Axes, path: pd.DataFrame, colour: str) -> None:
    ordered = path.sort_values("month")
    months = pd.to_datetime(ordered["month"])
    axes.axhline(0, color=QUIET, lw=0.9, ls=":")
    axes.fill_between(
        months, ordered["q05"], ordered["q95"], color=colour, alpha=0.22, lw=0
    )  # fmt: skip
    axes.plot(months, ordered["mean"], color=colour)
    month_axis(axes)


def _settled(figure: Figure) -> Figure:
    """Lay the panels out once, rounded: last digits of the solver differ by run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(np.round(axes.get_position().bounds, 6).tolist())
    return figure


def _national_band(axes: Axes, national: pd.DataFrame) -> None:
    row = national.iloc[0]
    axes.axvspan(
        row["q05"], row["q95"], color=BLUE, alpha=0.15, lw=0, label="national, 90 %"
    )
    axes.axvline(row["mean"], color=BLUE, lw=1.4, ls="--", label="national, mean")
    axes.set_xlabel("Loading")


def _forest(axes: Axes, one: pd.DataFrame, kind: str) -> None:
    shown = one.nlargest(MOST_LOADINGS, "mean").iloc[::-1]
    rows, colour = np.arange(len(shown)), _KINDS[kind]
    axes.hlines(rows, shown["q05"], shown["q95"], color=colour, lw=1.6)
    axes.plot(shown["mean"], rows, "o", color=colour, ms=4)
    axes.set_yticks(rows, [shortened(name, 26) for name in shown["group_name"]])
    axes.tick_params(axis="y", length=0, labelsize=8, labelcolor=INK)
    axes.set_ylim(-0.8, len(shown) - 0.2)
    axes.grid(visible=False, axis="y")
    left = len(one) - len(shown)
    axes.set_title(f"By {kind}" + (f" ({left} smaller ones left out)" if left else ""))


def _to_show(trace: xr.Dataset) -> list[_Chains]:
    """Single parameters, and of each kind of groups the one whose chains differ most."""
    single, worst = [], []
    for name, array in trace.data_vars.items():
        values = np.asarray(array.transpose("chain", "draw", ...).values, float)
        if str(name) == "energy" or str(name).startswith("log_"):
            continue
        if values.ndim == 2:
            single.append(_Chains(str(name), values))
        elif values.ndim == 3 and str(name).startswith(("loading", "offset")):
            worst.append(_worst(str(name), values))
    ordered = sorted(single, key=lambda one: not one.name.startswith(("loading", "phi")))
    return (ordered[: MOST_TRACES - min(len(worst), 2)] + worst)[:MOST_TRACES]


def _worst(name: str, values: FloatArray) -> _Chains:
    spread = values.std(axis=1).mean(axis=0)
    apart = np.ptp(values.mean(axis=1), axis=0) / np.where(spread > 0, spread, np.inf)
    place = int(np.argmax(apart))
    return _Chains(f"{name}\n(least mixed)", values[:, :, place])


def _trace(axes: Axes, one: _Chains) -> None:
    for chain, values in enumerate(one.values):
        axes.plot(values, color=_CHAINS[chain % len(_CHAINS)], lw=0.5, alpha=0.75)
    axes.set_ylabel(one.name, fontsize=8, rotation=0, ha="right", va="center")
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=8)


def rank_counts(values: FloatArray, bands: int = RANK_BANDS) -> NDArray[np.int64]:
    """Count the ranks of each chain among the draws of all.

    Parameters
    ----------
    values : ndarray, shape (chains, draws)
        Of one parameter.
    bands : int
        Bands of equal ranks.

    Returns
    -------
    ndarray of int, shape (chains, bands)
        Draws by band.
    """
    ranks = rankdata(values).reshape(values.shape) - 0.5
    places = np.minimum((bands * ranks / values.size).astype(int), bands - 1)
    return np.stack([np.bincount(row, minlength=bands) for row in places])


def _ranks(axes: Axes, one: _Chains) -> None:
    counts = rank_counts(one.values)
    chains, bands = counts.shape
    expected = one.values.shape[1] / bands
    # Drawn without replacement: other chains take the places this one leaves.
    spread = np.sqrt(expected * (1 - 1 / bands) * (1 - 1 / chains))
    reach = float(ndtri(0.995)) * spread
    axes.axhspan(expected - reach, expected + reach, color=INK, alpha=0.12, lw=0)
    edges = np.linspace(0, 1, bands + 1)
    for chain, row in enumerate(counts):
        colour = _CHAINS[chain % len(_CHAINS)]
        axes.stairs(row, edges, color=colour, lw=1.2, baseline=None)
    axes.set_ylim(0, max(2 * expected, 1.1 * counts.max()))
    axes.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    axes.tick_params(labelsize=8)


def _priors_and_draws(
    trace: xr.Dataset, priors: Settings
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Quantiles of each prior, evenly spaced, and the draws of its posterior."""
    levels = (np.arange(4000) + 0.5) / 4000
    log_loading = priors.joint_prior_log_loading_spread * ndtri(levels)
    typical = np.log(priors.joint_prior_group_loading) + log_loading
    national = np.log(priors.joint_prior_national_loading) + log_loading
    phi = beta.ppf(levels, priors.joint_prior_phi_alpha, priors.joint_prior_phi_beta)
    known: Mapping[str, tuple[str, FloatArray]] = {
        "loading_national": ("National loading", bounded_loading(national)),
        "log_loading_region_mean": ("Typical loading, region", bounded_loading(typical)),
        "log_loading_industry_mean": (
            "Typical loading, industry",
            bounded_loading(typical),
        ),
        "phi_national": ("Persistence, national", phi),
        "phi_region": ("Persistence, region", phi),
        "phi_industry": ("Persistence, industry", phi),
        "nu": ("Degrees of freedom", 2 + np.exp(_log_nu(levels, priors))),
    }
    found = {}
    for name, (title, prior) in known.items():
        if name in trace:
            draws = np.ravel(trace[name].values).astype(float)
            found[title] = prior, bounded_loading(draws) if "log_" in name else draws
    return found


def _log_nu(levels: FloatArray, priors: Settings) -> FloatArray:
    spread = priors.joint_prior_log_nu_spread * ndtri(levels)
    return np.asarray(np.log(priors.joint_prior_nu) + spread)


def _prior_and_posterior(axes: Axes, prior: FloatArray, draws: FloatArray) -> None:
    low = min(np.quantile(prior, 0.005), draws.min())
    high = max(np.quantile(prior, 0.99), draws.max())
    edges = np.linspace(low, high, 41)
    for values, colour, filled, label in (
        (prior, QUIET, False, "prior"),
        (draws, SKY, True, "posterior"),
    ):
        density = np.histogram(values, edges, density=True)[0]
        axes.stairs(
            density, edges, color=colour, fill=filled, alpha=0.85, label=label, lw=1.4
        )
    axes.set_yticks([])
    axes.tick_params(labelsize=8)
