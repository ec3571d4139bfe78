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
MOST_HEAT = 30
MOST_NODES = 26
# Of the event's cells: what they share with the fallen borrower.
_SHARED = {
    "same cell": PURPLE,
    "same region": ORANGE,
    "same industry": GREEN,
    "neither": BLUE,
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
    panels[0].legend(loc="lower right")
    return signed(figure, origin)


@drawn
def correlation_picture(
    square: pd.DataFrame, kind: str, origin: str = "", why: str = ""
) -> Figure:
    """Draw how strongly borrowers of two groups move together.

    Parameters
    ----------
    square : DataFrame
        Correlation of the latent variables of two borrowers, groups by groups.
    kind : str
        ``region`` or ``industry``.
    origin : str
        Run, month and model version.
    why : str
        Why there is none.
    """
    title = f"Correlation of two borrowers, by {kind}"
    if square.empty:
        return unavailable(title, why or "no links of cells were stored", origin)
    shown = _ordered(square)
    side = 2.6 + 0.21 * len(shown)
    figure = new_figure((max(side + 1.2, 5.6), max(side, 4.0)))
    axes = titled_axes(figure, title)
    values = shown.to_numpy(float)
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(values), cmap=_shades(), edgecolor="white", lw=0.4,
        vmin=min(0.0, float(np.nanmin(values))), vmax=float(np.nanmax(values)),
    )  # fmt: skip
    _group_ticks(axes, [shortened(name, 28) for name in shown.index])
    bar = figure.colorbar(mesh, ax=axes, fraction=0.035, pad=0.02)
    bar.set_label("Correlation (grey: no such pair)")
    bar.outline.set_visible(False)
    left = len(square) - len(shown)
    cut = f" {left} groups that move least are left out." if left else ""
    note_below(axes, f"Of the latent variables, one month ahead.{cut}")
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
    figure = new_figure((WIDE[0], 7.4))
    axes = titled_axes(
        figure, f"{title}: {event.region} · {event.industry}, {event.month:%Y-%m}"
    )
    _nodes(axes, shown)
    _rings(axes, shown["lift"].to_numpy(float))
    axes.plot(0, 0, "*", color=INK, ms=17, zorder=5)
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-2.25, 2.25)
    axes.set_ylim(-1.38, 1.38)
    _network_legend(axes, shown, len(cells))
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
    axes.set_xscale("log")
    _plain_log(axes, one[["q05", "q95"]].to_numpy(float))
    axes.set_xlabel("Index: joint probability over pd (log scale)")


def _plain_log(axes: Axes, values: FloatArray) -> None:
    positive = values[values > 0]
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
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
    axes.set_xlabel("Share of the events expected (%)")


def _ordered(square: pd.DataFrame) -> pd.DataFrame:
    """Put the groups that move most first; leave out the last of too many."""
    strength = square.mean(axis=1).sort_values(ascending=False)
    kept = strength.index[:MOST_HEAT]
    return square.loc[kept, kept]


def _shades() -> mpl.colors.Colormap:
    # Reversed, so that dark is much; the lightest end would vanish on white.
    shades = mpl.colors.ListedColormap(
        mpl.colormaps["cividis"](np.linspace(0.97, 0.03, 128))
    )
    shades.set_bad("#c9cdd2")
    return shades


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
        found.append(names.get(same, "neither"))
    return found


def _nodes(axes: Axes, shown: pd.DataFrame) -> None:
    """Place cells on a spiral by what they share, near where the lift is strong."""
    order = {name: place for place, name in enumerate(_SHARED)}
    ordered = shown.assign(order=shown["shared"].map(order)).sort_values(
        ["order", "lift"], ascending=[True, False]
    )
    angles = np.pi / 2 - 2 * np.pi * (np.arange(len(ordered)) + 0.5) / len(ordered)
    radii = _radius(ordered["lift"].to_numpy(float))
    sizes = ordered["exposure"].to_numpy(float)
    strong = ordered["lift"].max()
    for row, angle, radius, size in zip(
        ordered.to_dict("records"), angles, radii, sizes, strict=True
    ):
        # The plane is wider than high, and labels are long.
        x, y = 1.35 * radius * np.cos(angle), radius * np.sin(angle)
        colour = _SHARED[row["shared"]]
        axes.plot(
            [0, x], [0, y], color=colour, lw=0.6 + 3.2 * row["lift"] / strong,
            alpha=0.45, zorder=2,
        )  # fmt: skip
        area = 30 + 420 * size / sizes.max()
        axes.scatter(x, y, s=area, color=colour, edgecolor="white", lw=1, zorder=3)
        _node_label(axes, x, y, np.sqrt(area) / 2, row)


def _node_label(
    axes: Axes, x: float, y: float, reach: float, row: Mapping[object, object]
) -> None:
    name = f"{row['region']} · {shortened(row['industry'], 20)}"
    side = 1 if x >= 0 else -1
    axes.annotate(
        f"{name}\n{row['debtors']} linked, lift {row['lift']:.2f}",
        (x, y),
        (side * (reach + 4), 0),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
        fontsize=7,
        color=INK,
        zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5},
    )


def _radius(lift: FloatArray) -> FloatArray:
    """Distance from the middle: from 0.45 (strongest lift shown) to 1.2 (weakest)."""
    span = np.ptp(np.log(lift))
    if span == 0:
        return np.full(len(lift), 0.9)
    place = (np.log(lift).max() - np.log(lift)) / span
    return np.asarray(0.45 + 0.75 * place)


def _rings(axes: Axes, lift: FloatArray) -> None:
    turn = np.linspace(0, 2 * np.pi, 181)
    for radius in sorted({float(_radius(lift).min()), float(_radius(lift).max())}):
        axes.plot(
            1.35 * radius * np.cos(turn), radius * np.sin(turn), color=LINE, lw=0.9,
            ls=":", zorder=1,
        )  # fmt: skip


def _network_legend(axes: Axes, shown: pd.DataFrame, cells: int) -> None:
    present = [name for name in _SHARED if (shown["shared"] == name).any()]
    handles = [
        Line2D([], [], marker="o", ls="-", color=_SHARED[name], label=name)
        for name in present
    ]
    star = Line2D([], [], marker="*", ls="", color=INK, ms=11, label="default")
    handles.insert(0, star)
    axes.legend(handles=handles, loc="upper left", title="Shared with the default")
    left = cells - len(shown)
    note = "Nearer and thicker: larger lift. Larger dot: more exposure of linked debtors."
    more = f" {left} cells of weaker links are left out." if left else ""
    axes.text(0, -0.01, note + more, transform=axes.transAxes, fontsize=8.5, color=QUIET)
