"""Pictures of joint risk: who moves with whom, whose index is high, where it gathers.

Every function takes small tables and returns a figure; what cannot be drawn becomes a
figure that says why.
"""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from comove.joint_risk.joint_pictures_posterior import shortened
from comove.joint_risk.report_facts import Event
from comove.risk_model.canvas import (
    BLUE,
    GREEN,
    INK,
    LINE,
    ORANGE,
    PURPLE,
    QUIET,
    SKY,
    WIDE,
    drawn,
    new_figure,
    note_below,
    signed,
    titled_axes,
    unavailable,
)

FloatArray = NDArray[np.float64]

MOST_GROUPS = 24
MOST_NODES = 26
# Of the event's cells: what they share with the fallen borrower.
_SHARED = {
    "same cell": PURPLE,
    "same region": ORANGE,
    "same industry": GREEN,
    "neither of both": BLUE,
}


@drawn
def index_picture(
    indices: Mapping[str, pd.DataFrame], origin: str = "", why: str = ""
) -> Figure:
    """Draw how the indices of borrowers are spread within regions and industries.

    Parameters
    ----------
    indices : mapping of str to DataFrame
        By attribute: ``group_name``, ``n``, ``joint_mass``, ``q05``, ``q25``, ``q50``,
        ``q75``, ``q95``.
    origin : str
        Run, month and model version.
    why : str
        Why there are none.
    """
    title = "Joint-risk index of the borrowers"
    kinds = {kind: _largest(one) for kind, one in indices.items() if len(one)}
    if not kinds:
        return unavailable(title, why or "no borrower has an index", origin)
    most = max(len(one) for one in kinds.values())
    figure = new_figure((WIDE[0], 2.3 + 0.24 * most))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    panels = figure.subplots(1, len(kinds), sharex=True, squeeze=False)[0]
    for axes, (kind, one) in zip(panels, kinds.items(), strict=True):
        _boxes(axes, one)
        left = len(indices[kind]) - len(one)
        axes.set_title(f"By {kind}" + (f" ({left} smaller ones left out)" * (left > 0)))
        note_below(axes, "Line: median. Box: half of the borrowers. Ends: 9 of 10.")
    return signed(figure, origin)


@drawn
def concentration_picture(
    concentration: pd.DataFrame, origin: str = "", why: str = ""
) -> Figure:
    """Draw which groups hold the events expected, by PD alone and jointly.

    Parameters
    ----------
    concentration : DataFrame
        Rows of ``risk.concentration``.
    origin : str
        Run, month and model version.
    why : str
        Why there are none.
    """
    title = "Where the events of the month to come are expected"
    kinds = {
        str(kind): one.nlargest(15, "joint_share").iloc[::-1]
        for kind, one in _by_attribute(concentration)
    }
    if not kinds:
        return unavailable(title, why or "nothing was stored", origin)
    most = max(len(one) for one in kinds.values())
    figure = new_figure((WIDE[0], 2.2 + 0.24 * most))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, (kind, one) in zip(panels, kinds.items(), strict=True):
        _dumbbells(axes, one)
        axes.set_title(f"By {kind}, largest {len(one)}")
    handles, _ = panels[0].get_legend_handles_labels()
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    return signed(figure, origin)


@drawn
def correlation_picture(square: pd.DataFrame, origin: str = "", why: str = "") -> Figure:
    """Draw how strongly borrowers of two cells move together.

    Parameters
    ----------
    square : DataFrame
        Correlation of the latent variables of two borrowers, cells by cells.
    origin : str
        Run, month and model version.
    why : str
        Why there is none.
    """
    title = "Correlation of two borrowers, by cell"
    if square.empty:
        return unavailable(title, why or "no links of cells were stored", origin)
    side = max(2.6 + 0.19 * len(square), 4.6)
    figure = new_figure((side + 1.6, side))
    # The panel begins far to the right of its long labels; a title there would not fit.
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    axes = figure.add_subplot()
    values = square.to_numpy(float)
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(values), cmap=_shades(), edgecolor="white", lw=0.4,
        vmin=min(0.0, float(np.nanmin(values))), vmax=float(np.nanmax(values)),
    )  # fmt: skip
    _group_ticks(axes, [shortened(name, 26) for name in square.index])
    bar = figure.colorbar(mesh, ax=axes, fraction=0.035, pad=0.02)
    bar.set_label("Correlation (sand: not stored)")
    bar.outline.set_visible(False)
    note_below(axes, f"Latent variables, a month ahead; {len(square)} largest cells.")
    return signed(figure, origin)


@drawn
def network_picture(event: Event | None, origin: str = "") -> Figure:
    """Draw whom one default is linked to, by cell.

    Parameters
    ----------
    event : Event or None
        The default in the middle, cells of linked debtors around it: the nearer, the
        stronger the lift.
    origin : str
        Run, month and model version.
    """
    title = "Linked debtors of the largest default"
    if event is None or event.cells.empty:
        why = "the DAG `default_response` has published no default with linked debtors"
        return unavailable(title, why, origin)
    cells = event.cells.assign(shared=_shared(event))
    shown = cells.nlargest(MOST_NODES, ["lift", "exposure"])
    figure = new_figure((WIDE[0], 6.4))
    axes = titled_axes(
        figure, f"{title}: {event.region} · {event.industry}, {event.month:%Y-%m}"
    )
    _nodes(axes, shown)
    _rings(axes, shown["lift"].to_numpy(float))
    axes.plot(0, 0, "*", color=INK, ms=17, zorder=5)
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-2.35, 2.35)
    axes.set_ylim(-1.4, 1.4)
    _network_legend(figure, shown)
    left = len(cells) - len(shown)
    note = "Nearer and thicker: larger lift. Larger dot: more exposure of linked debtors."
    more = f" {left} cells of weaker links are left out." if left else ""
    axes.text(0, -0.01, note + more, transform=axes.transAxes, fontsize=8.5, color=QUIET)
    return signed(figure, origin)


def _largest(one: pd.DataFrame) -> pd.DataFrame:
    return one.nlargest(MOST_GROUPS, "joint_mass").sort_values("q50")


def _boxes(axes: Axes, one: pd.DataFrame) -> None:
    rows = np.arange(len(one))
    axes.axvline(1, color=INK, lw=1, ls=":")
    axes.hlines(rows, one["q05"], one["q95"], color=QUIET, lw=1)
    width = one["q75"] - one["q25"]
    axes.barh(rows, width, left=one["q25"], height=0.62, color=SKY, edgecolor=BLUE)
    axes.vlines(one["q50"], rows - 0.31, rows + 0.31, color=INK, lw=1.8)
    axes.set_yticks(rows, [_counted(row) for row in one.to_dict("records")])
    axes.tick_params(axis="y", length=0, labelsize=8, labelcolor=INK)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(-0.7, len(one) - 0.3)
    axes.set_xscale("log")
    _plain_log(axes, one[["q05", "q95"]].to_numpy(float))
    axes.set_xlabel("Index: joint probability over pd (log scale)")


def _plain_log(axes: Axes, values: FloatArray) -> None:
    positive = values[values > 0] if (values > 0).any() else np.ones(1)
    low, high = positive.min() / 1.1, positive.max() * 1.1
    axes.set_xlim(min(low, 0.9), max(high, 1.1))
    wanted = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50])
    ticks = wanted[(wanted >= axes.get_xlim()[0]) & (wanted <= axes.get_xlim()[1])]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def _counted(row: Mapping[object, object]) -> str:
    return f"{shortened(row['group_name'], 22)} ({row['n']:,})"


def _by_attribute(concentration: pd.DataFrame) -> list[tuple[object, pd.DataFrame]]:
    if concentration.empty:
        return []
    parts = concentration[concentration["attribute"] != "all"]
    return list(parts.groupby("attribute", sort=False))


def _dumbbells(axes: Axes, one: pd.DataFrame) -> None:
    rows = np.arange(len(one))
    axes.hlines(rows, one["pd_share"], one["joint_share"], color=LINE, lw=3)
    axes.plot(one["pd_share"], rows, "D", color=QUIET, ms=5, mfc="white", label="by PD")
    axes.plot(one["joint_share"], rows, "o", color=ORANGE, ms=6, label="jointly")
    axes.set_yticks(rows, [shortened(name, 26) for name in one["group_name"]])
    axes.tick_params(axis="y", length=0, labelsize=8, labelcolor=INK)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(-0.7, len(one) - 0.3)
    axes.set_xlim(0, 1.05 * float(one[["pd_share", "joint_share"]].to_numpy().max()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
    axes.set_xlabel("Share of the events expected (%)")


def _shades() -> mpl.colors.Colormap:
    # Light to dark in one hue, so that it reads in grey too.
    ends = ["#f1f6fa", "#7fb3d5", BLUE, "#052f4a"]
    shades = mpl.colors.LinearSegmentedColormap.from_list("blues", ends)
    return shades.with_extremes(bad="#e9d8b4")


def _group_ticks(axes: Axes, names: list[str]) -> None:
    middle = np.arange(len(names)) + 0.5
    axes.invert_yaxis()
    axes.set_xticks(middle, names, rotation=90, fontsize=7.5)
    axes.set_yticks(middle, names, fontsize=7.5)
    axes.tick_params(length=0, labelcolor=INK)
    axes.grid(visible=False)
    axes.set_aspect("equal")


def _shared(event: Event) -> list[str]:
    found = []
    for row in event.cells.to_dict("records"):
        same = row["region"] == event.region, row["industry"] == event.industry
        names = {
            (True, True): "same cell",
            (True, False): "same region",
            (False, True): "same industry",
        }
        found.append(names.get(same, "neither of both"))
    return found


def _nodes(axes: Axes, shown: pd.DataFrame) -> None:
    """Place cells around the default, near where the lift is strong."""
    order = {name: place for place, name in enumerate(_SHARED)}
    ordered = shown.assign(order=shown["shared"].map(order)).sort_values(
        ["order", "lift"], ascending=[True, False]
    )
    count, strong = len(ordered), ordered["lift"].max()
    angles = np.pi / 2 - 2 * np.pi * (np.arange(count) + 0.5) / count
    radii = _radius(ordered["lift"].to_numpy(float))
    x, y = radii * np.cos(angles), radii * np.sin(angles)
    heights = _label_heights(angles)
    areas = 30 + 420 * ordered["exposure"] / max(ordered["exposure"].max(), 1.0)
    for at, row in enumerate(ordered.to_dict("records")):
        colour = _SHARED[row["shared"]]
        axes.plot(
            [0, x[at]], [0, y[at]], color=colour, lw=0.6 + 3.2 * row["lift"] / strong,
            alpha=0.45, zorder=2,
        )  # fmt: skip
        axes.scatter(
            x[at], y[at], s=areas.iloc[at], color=colour, edgecolor="white", zorder=3
        )  # fmt: skip
        side = 1 if np.cos(angles[at]) >= 0 else -1
        _node_label(axes, (x[at], y[at]), (1.42 * side, heights[at]), row)


def _label_heights(angles: FloatArray) -> FloatArray:
    """Spread the labels of each side evenly from top to bottom, in the nodes' order."""
    heights = np.zeros(len(angles))
    for right in (True, False):
        of_side = np.flatnonzero((np.cos(angles) >= 0) == right)
        of_side = of_side[np.argsort(-np.sin(angles[of_side]))]
        reach = min(1.2, 0.1 * len(of_side))
        heights[of_side] = np.linspace(reach, -reach, len(of_side))
    return heights


def _node_label(
    axes: Axes,
    node: tuple[float, float],
    place: tuple[float, float],
    row: Mapping[object, object],
) -> None:
    name = f"{shortened(row['region'], 14)} · {shortened(row['industry'], 22)}"
    axes.plot(
        [node[0], 0.97 * place[0]], [node[1], place[1]], color=QUIET, lw=0.5, zorder=1
    )  # fmt: skip
    axes.text(
        *place, f"{name}\n{row['debtors']:,} linked, lift {row['lift']:.2f}",
        ha="left" if place[0] > 0 else "right", va="center", fontsize=7.5,
    )  # fmt: skip


def _radius(lift: FloatArray) -> FloatArray:
    """Distance from the middle: from 0.45 (strongest lift shown) to 1.2 (weakest)."""
    span = np.ptp(np.log(lift))
    if span == 0:
        return np.full(len(lift), 0.9)
    place = (np.log(lift).max() - np.log(lift)) / span
    return np.asarray(0.45 + 0.75 * place)


def _rings(axes: Axes, lift: FloatArray) -> None:
    turn = np.linspace(0, 2 * np.pi, 181)
    ends = {round(float(_radius(lift)[at]), 3): lift[at] for at in np.argsort(lift)}
    for radius in (min(ends), max(ends)):
        x, y = radius * np.cos(turn), radius * np.sin(turn)
        axes.plot(x, y, color=LINE, lw=1, ls=":", zorder=1)
        axes.text(
            0, radius, f"lift {ends[radius]:.2f}", fontsize=7, color=QUIET, ha="center",
            va="bottom", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip


def _network_legend(figure: Figure, shown: pd.DataFrame) -> None:
    handles = [Line2D([], [], marker="*", ls="", color=INK, ms=11, label="the default")]
    handles += [
        Line2D([], [], marker="o", color=colour, label=name)
        for name, colour in _SHARED.items()
        if (shown["shared"] == name).any()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=5)
