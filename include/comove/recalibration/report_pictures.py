"""Pictures of a recalibration: how the score holds, and what candidates would bring."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from comove.recalibration.performance import WITHIN
from comove.risk_model.canvas import (
    BLUE,
    GREEN,
    INK,
    LINE,
    ORANGE,
    QUIET,
    WIDE,
    drawn,
    month_axis,
    new_figure,
    note_below,
    signed,
    titled_axes,
    unavailable,
)
from comove.settings import Settings


@drawn
def performance_picture(
    months: pd.DataFrame, settings: Settings, origin: str = ""
) -> Figure:
    """Draw bad loans over those predicted, and KS in its bands, by cohort month.

    Parameters
    ----------
    months : DataFrame
        Rows of ``risk.score_performance`` of single months.
    settings : Settings
        Bounds of both.
    origin : str
        Run and month.
    """
    title = "The score against what became of loans"
    if months.empty:
        return unavailable(title, "no cohort is mature", origin)
    figure = new_figure((WIDE[0] + 1.4, 3.9))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    left, right = figure.subplots(1, 2, sharex=True)
    most = settings.recalibration_max_bad_ratio
    far = (months["ratio_low"] > most) | (months["ratio_high"] < 1 / most)
    _with_intervals(left, months, ("bad_ratio", "ratio_low", "ratio_high"), far)
    left.axhspan(1 / most, most, color=GREEN, alpha=0.1, lw=0)
    left.axhline(1, color=QUIET, lw=0.9)
    left.set_title("Bad loans, observed over predicted", fontsize=10)
    far = (months["ks_band"] != WITHIN) & months["is_band_sure"]
    _with_intervals(right, months, ("ks", "ks_low", "ks_high"), far)
    low, high = settings.recalibration_ks_low, settings.recalibration_ks_high
    right.axhspan(low, high, color=GREEN, alpha=0.1, lw=0)
    right.set_ylim(0, 1)
    right.set_title("KS of good and bad loans", fontsize=10)
    for axes in (left, right):
        month_axis(axes)
        note_below(axes, "Green: as required. Orange: surely outside. Lines: 95 %.")
    return signed(figure, origin)


def _with_intervals(
    axes: Axes, months: pd.DataFrame, columns: tuple[str, str, str], far: pd.Series
) -> None:
    value, low, high = columns
    for row, is_far in zip(months.to_dict("records"), far, strict=True):
        colour = ORANGE if is_far else BLUE
        if pd.notna(row[low]) and pd.notna(row[high]):
            axes.vlines(row["cohort_from"], row[low], row[high], color=colour, lw=1.2)
        axes.plot(row["cohort_from"], row[value], "o", ms=4.5, color=colour)


@drawn
def cutoff_picture(candidates: pd.DataFrame, origin: str = "") -> Figure:
    """Draw what each cut-off would have earned against the one in force.

    Parameters
    ----------
    candidates : DataFrame
        Rows of ``risk.recalibration``.
    origin : str
        Run and month.
    """
    title = "What other cut-offs would have earned"
    shown = (
        candidates[(candidates["kind"] == "cutoff") & candidates["threshold"].notna()]
        if len(candidates)
        else candidates
    )
    if shown.empty:
        return unavailable(title, "no cut-off was tried", origin)
    shown = shown.sort_values("threshold")
    figure = new_figure((WIDE[0], 3.9))
    axes = titled_axes(figure, title)
    x = shown["threshold"].to_numpy(float)
    axes.fill_between(x, 100 * shown["effect_low"].to_numpy(float),
                      100 * shown["effect_high"].to_numpy(float), color=LINE,
                      label="95 %, all cut-offs at once")  # fmt: skip
    axes.plot(x, 100 * shown["effect"].to_numpy(float), "o-", ms=4, color=BLUE)
    axes.axhline(0, color=QUIET, lw=0.9)
    for cutoff in shown.loc[shown["is_selected"], "threshold"]:
        axes.axvline(cutoff, color=ORANGE, lw=2.6, label="selected")
    in_force = shown[shown["candidate"].str.endswith("in force")]
    for cutoff in in_force["threshold"]:
        axes.axvline(cutoff, color=INK, lw=1.2, ls="--", label="in force")
    axes.set_xlabel("Cut-off, points")
    axes.set_ylabel("Per cent of what was lent")
    axes.legend(loc="best")
    return signed(figure, origin)
