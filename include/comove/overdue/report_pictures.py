"""Pictures of the overdue assessment: ratings, calibration, recovery against cost."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from comove.risk_model.canvas import (
    AMBER,
    BLUE,
    GREEN,
    INK,
    LINE,
    ORANGE,
    QUIET,
    SKY,
    SQUARE,
    WIDE,
    drawn,
    month_axis,
    new_figure,
    note_below,
    signed,
    titled_axes,
    unavailable,
)
from comove.risk_model.curves import calibration_bands, has_both_classes

# From the best to the worst, then who has no rating.
OUTCOMES = {
    "low": ("low risk", GREEN),
    "medium": ("medium risk", AMBER),
    "high": ("high risk", ORANGE),
    "not_target": ("not of the type", BLUE),
    "insufficient_data": ("insufficient data", SKY),
    "not_available": ("no model yet", LINE),
}
_DAYS_WIDE = 24


@drawn
def rating_picture(months: pd.DataFrame, origin: str = "") -> Figure:
    """Draw who was rated how at each month end, as shares.

    Parameters
    ----------
    months : DataFrame
        ``as_of``, ``outcome`` and ``borrowers``, as of `OverdueFacts`.
    origin : str
        Run, month and model version.
    """
    title = "Overdue borrowers by rating"
    if months.empty:
        return unavailable(title, "nobody was overdue", origin)
    table = months.pivot_table(
        index="as_of", columns="outcome", values="borrowers", fill_value=0
    )
    shares = table.div(table.sum(axis=1), axis=0)
    figure = new_figure(WIDE)
    axes = titled_axes(figure, title)
    below = np.zeros(len(shares))
    middle = pd.to_datetime(shares.index) - pd.Timedelta(days=15)
    for outcome, (words, colour) in OUTCOMES.items():
        if outcome in shares:
            height = shares[outcome].to_numpy()
            axes.bar(middle, height, _DAYS_WIDE, below, color=colour, label=words)
            below += height
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    month_axis(axes)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return signed(figure, origin)


@drawn
def calibration_picture(counts: pd.DataFrame, origin: str = "") -> Figure:
    """Draw the share that repaid against the probability predicted, in ten bands.

    Parameters
    ----------
    counts : DataFrame
        ``pd``, ``rows`` and ``events``, as of `OverdueFacts`.
    origin : str
        Run, month and model version.
    """
    title = "Probability of repaying against what happened"
    if counts.empty or not has_both_classes(counts):
        return unavailable(title, "no outcomes of both kinds are known", origin)
    bands = calibration_bands(counts)
    figure = new_figure(SQUARE)
    axes = titled_axes(figure, title)
    axes.plot([0, 1], [0, 1], color=QUIET, lw=0.9)
    axes.vlines(bands["pd"], bands["low"], bands["high"], color=BLUE, lw=1.4)
    axes.plot(bands["pd"], bands["observed"], "o", ms=5, color=BLUE)
    axes.set_xlabel("Predicted probability")
    axes.set_ylabel("Share that repaid in time")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    note_below(axes, "Bands of equally many cases. Lines: 95 % Wilson interval.")
    return signed(figure, origin)


@drawn
def recovery_picture(strategies: pd.DataFrame, origin: str = "") -> Figure:
    """Draw what a strategy costs and what came back, by borrower, on log axes.

    Parameters
    ----------
    strategies : DataFrame
        As of `OverdueFacts`.
    origin : str
        Run, month and model version.
    """
    title = "What collecting costs, and what comes back"
    shown = strategies[strategies["planned_cost"] > 0] if len(strategies) else strategies
    if shown.empty:
        return unavailable(title, "no strategy has a known outcome", origin)
    cost = shown["planned_cost"] / shown["borrowers"]
    back = shown["repaid_amount"] / shown["borrowers"]
    expected = shown["expected_recovery"] / shown["borrowers"]
    figure = new_figure(WIDE)
    axes = titled_axes(figure, title)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.plot(cost, expected, "D", ms=6, color=AMBER, mfc="none", label="expected")
    axes.plot(cost, back, "o", ms=6, color=BLUE, label="came back")
    ends = np.array([cost.min() / 2, cost.max() * 2])
    axes.plot(ends, ends, color=QUIET, lw=0.9, label="as much as it costs")
    names = shown["collection_strategy"]
    for place, (name, x, y) in enumerate(zip(names, cost, back, strict=True)):
        axes.annotate(
            str(name).replace("_", " "),
            (x, y),
            # Neighbours would write over each other.
            xytext=(6, 6 if place % 2 else -12),
            textcoords="offset points",
            fontsize=8,
            color=INK,
        )
    axes.set_xlabel("Planned cost per borrower (currency, log scale)")
    axes.set_ylabel("Repaid in time per borrower")
    axes.legend(loc="lower right")
    note_below(axes, "Of cases whose outcome is known. No causal effect is claimed.")
    return signed(figure, origin)
