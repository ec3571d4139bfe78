"""What every picture of a report has in common: look, size, origin, way into a page.

Nothing touches pyplot, whose global state two tasks of one process would share. Colours
are those of Okabe and Ito (2008), which people with any colour vision tell apart.
"""

import base64
import functools
import io
import textwrap
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

INK, QUIET, LINE = "#1d2126", "#59616b", "#d9dce0"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY, AMBER = "#56b4e9", "#e69f00"
WIDE, SQUARE = (9.6, 4.2), (5.9, 4.9)
DOTS_PER_INCH = 110
_ORIGIN_SIZE = 7.5


_RC = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "svg.fonttype": "path",
    # The same figure gives the same bytes.
    "svg.hashsalt": "comove",
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_NO_SOFTWARE = {"Software": None}


def drawn[**P, F](picture: Callable[P, F]) -> Callable[P, F]:
    """Draw with our settings of matplotlib, whatever the process has set."""

    @functools.wraps(picture)
    def with_our_settings(*given: P.args, **named: P.kwargs) -> F:
        with mpl.rc_context(_RC):  # type: ignore[arg-type]  # wants keys as literals
            return picture(*given, **named)

    return with_our_settings


@drawn
def unavailable(title: str, why: str, origin: str = "") -> Figure:
    """Figure that says why there is nothing to see.

    Parameters
    ----------
    title : str
        What would have been drawn.
    why : str
        The reason, as a phrase.
    origin : str
        Run, month and model version.
    """
    figure = new_figure((WIDE[0], 1.7))
    axes = titled_axes(figure, title)
    axes.set_axis_off()
    axes.text(0, 0.45, f"not available: {why}", color=QUIET, transform=axes.transAxes)
    return signed(figure, origin)


@drawn
def as_data_uri(figure: Figure, kind: str = "svg") -> str:
    """Give a figure as the address of an image that needs no file.

    Parameters
    ----------
    figure : Figure
        Any.
    kind : str
        ``svg``, or ``png`` for figures of thousands of dots.
    """
    buffer = io.BytesIO()
    if kind == "svg":
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    else:
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata=_NO_SOFTWARE)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{'svg+xml' if kind == 'svg' else 'png'};base64,{encoded}"


@drawn
def write_png(figure: Figure, file: Path) -> Path:
    """Write a figure as PNG, whole or not at all.

    Returns
    -------
    Path
        The file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    figure.savefig(unfinished, format="png", dpi=DOTS_PER_INCH, metadata=_NO_SOFTWARE)
    return unfinished.replace(file)


def new_figure(size: tuple[float, float]) -> Figure:
    """Make an empty figure, so many inches wide and high."""
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def titled_axes(figure: Figure, title: str) -> Axes:
    """Give the figure one panel with a title."""
    axes = figure.add_subplot()
    axes.set_title(title)
    return axes


def row_of_panels(figure: Figure, count: int, *, sharey: bool = False) -> list[Axes]:
    """Give the figure so many panels beside one another."""
    return list(figure.subplots(1, count, sharey=sharey, squeeze=False)[0])


def signed(figure: Figure, origin: str) -> Figure:
    """Write run, month and model version into the figure, so that a copy keeps them."""
    if origin:
        # 0.62 of its size is as wide as the widest letters of a name get on average.
        fits = int(figure.get_figwidth() * 72 / (0.62 * _ORIGIN_SIZE))
        lines = textwrap.fill(origin, fits, break_on_hyphens=False)
        figure.supxlabel(lines, x=0.01, ha="left", fontsize=_ORIGIN_SIZE, color=QUIET)
    return figure


def note_below(axes: Axes, note: str) -> None:
    """Write a sentence below the horizontal axis."""
    # Panels beside one another have less room for words below them.
    points = axes.figure.get_window_extent().width * axes.get_position().width
    note = textwrap.fill(note, int(points / 8))
    label = axes.get_xlabel()
    axes.set_xlabel(f"{label}\n{note}" if label else note)


def with_numbers(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Rows with a number in each of these columns; none where a column is missing."""
    if not set(columns) <= set(frame.columns):
        return pd.DataFrame(columns=columns)
    finite = frame.replace([np.inf, -np.inf], np.nan)
    return finite.dropna(subset=columns)


def percent_axis(axes: Axes) -> None:
    """Show the shares of the vertical axis as per cents."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}"))


def month_axis(axes: Axes) -> None:
    """Mark a few months on the horizontal axis."""
    locator = AutoDateLocator(minticks=4, maxticks=10)  # type: ignore[no-untyped-call]  # matplotlib's
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # matplotlib's
    axes.set_xlabel("Month")


def evenly(count: int, most: int) -> list[int]:
    """Choose at most so many positions, evenly spaced, both ends among them."""
    if count <= most:
        return list(range(count))
    return [int(i) for i in np.unique(np.linspace(0, count - 1, most).round())]
