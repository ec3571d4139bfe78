"""Pictures of overdue grades: how they are spread over time, and how they move."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from comove.risk_model.canvas import (
    INK,
    WIDE,
    drawn,
    month_axis,
    new_figure,
    note_below,
    percent_axis,
    row_of_panels,
    signed,
    unavailable,
)

_LEAST_IN_WORDS = 0.0005


@drawn
def distribution_picture(
    distribution: pd.DataFrame, grades: list[str], why: str, origin: str = ""
) -> Figure:
    """Draw the share of each grade among the borrowers looked at, month by month.

    Parameters
    ----------
    distribution : DataFrame
        month, grade, borrowers.
    grades : list of str
        From the best on.
    why : str
        What to say where there is nothing.
    origin : str
        Run and month.
    """
    title = "Overdue grades over time"
    if distribution.empty:
        return unavailable(title, why, origin)
    counts = distribution.pivot_table(
        index="month", columns="grade", values="borrowers", aggfunc="sum"
    )
    counts = counts.reindex(columns=grades).fillna(0)
    shares = counts.div(counts.sum(axis=1), axis=0)
    figure = new_figure((WIDE[0] + 1.4, 4.2))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    left, right = row_of_panels(figure, 2)
    colours = _colours(len(grades))
    left.stackplot(
        shares.index, shares.to_numpy(float).T, labels=grades, colors=colours, lw=0
    )
    left.set_ylim(0, 1)
    left.set_ylabel("Per cent of borrowers")
    percent_axis(left)
    left.legend(
        loc="lower left", ncols=len(grades), title="Grade", frameon=True, framealpha=1
    )
    _late_lines(right, shares, grades, colours)
    for axes in (left, right):
        month_axis(axes)
        axes.set_xlim(shares.index[0], shares.index[-1])
    note_below(left, "Each borrower by its last point of the month.")
    return signed(figure, origin)


def _late_lines(
    axes: Axes, shares: pd.DataFrame, grades: list[str], colours: list[str]
) -> None:
    """Draw the worse half alone: beside the many on time it would be a thin strip."""
    begins = len(grades) // 2
    for grade, colour in list(zip(grades, colours, strict=True))[begins:]:
        axes.plot(shares.index, shares[grade], color=colour, label=grade)
    axes.set_title("The worse grades, enlarged", fontsize=10)
    axes.set_ylim(0, None)
    percent_axis(axes)
    axes.legend(loc="upper left")


@drawn
def transition_picture(
    month: pd.DataFrame, year: pd.DataFrame, why: str, origin: str = ""
) -> Figure:
    """Draw which share of each grade went where, in the newest month and in a year.

    Parameters
    ----------
    month, year : DataFrame
        Borrowers, grade before by grade after.
    why : str
        What to say where there is nothing.
    origin : str
        Run and month.
    """
    title = "Where borrowers of each grade are a month later"
    if month.empty or not year.to_numpy().sum():
        return unavailable(title, why, origin)
    figure = new_figure((WIDE[0] + 1.4, 4.6))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    for axes, counts, name in zip(
        row_of_panels(figure, 2),
        (month, year),
        ("The newest month", "The last 12 months"),
        strict=True,
    ):
        _heat(axes, counts)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("Grade after")
        axes.set_ylabel("Grade before (borrowers)")
    return signed(figure, origin)


def _heat(axes: Axes, counts: pd.DataFrame) -> None:
    came_from = counts.sum(axis=1).to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = counts.to_numpy(float) / came_from[:, None]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(len(counts.columns)), [str(one) for one in counts.columns])
    labels = [f"{one} ({n:,.0f})" for one, n in zip(counts.index, came_from, strict=True)]
    axes.set_yticks(range(len(labels)), labels)
    for (row, column), share in np.ndenumerate(shares):
        axes.text(column, row, _percent(share), ha="center", va="center", fontsize=9,
                  color="white" if share > 0.55 else INK)  # fmt: skip


def _percent(share: float) -> str:
    if not np.isfinite(share):
        return "-"
    if share == 0:
        return "0"
    return "<0.1" if share < _LEAST_IN_WORDS else f"{100 * share:.1f}"


def _colours(count: int) -> list[str]:
    """Give a scale that reads in grey, too: the later, the darker."""
    places = np.linspace(0.92, 0.1, max(count, 1))
    return [to_hex(colormaps["cividis"](place)) for place in places]
