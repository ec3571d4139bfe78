"""Pictures of the score drift: the matrix, each stage over months, each step down.

Every function takes rows of `risk.score_drift` and returns a figure; what cannot be drawn
becomes a figure that says why.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from comove.risk_model.canvas import (
    AMBER,
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
from comove.score_drift.report_facts import STEPS, WAY

PALE, HATCHING = "#eceef0", "#b4bac2"
# Beyond so many months values would not fit into their cells; the newest are shown.
MOST_MONTHS = 36
COLOURS = {"policy": BLUE, "performance": GREEN}
_INCH_PER_MONTH, _INCH_PER_STAGE = 0.36, 0.46
_DARK = 0.45
_LEAST_DIFFERENCE = 0.1


@drawn
def matrix_picture(drift: pd.DataFrame, title: str, origin: str = "") -> Figure:
    """Draw the KS of every stage and cohort month, with the values written in.

    Parameters
    ----------
    drift : DataFrame
        Rows of ``risk.score_drift`` of one label.
    title : str
        What the label is.
    origin : str
        Run, month and score.
    """
    return _matrix(drift, "ks", f"KS in hundredths, {title}", origin)


@drawn
def change_picture(drift: pd.DataFrame, title: str, origin: str = "") -> Figure:
    """Draw by how much every stage and cohort month lies off what was to be expected.

    Parameters
    ----------
    drift : DataFrame
        Rows of ``risk.score_drift`` of one label.
    title : str
        What the label is.
    origin : str
        Run, month and score.
    """
    return _matrix(drift, "drift_change", f"Drift of KS in hundredths, {title}", origin)


def _matrix(drift: pd.DataFrame, column: str, title: str, origin: str) -> Figure:
    months = sorted(drift["cohort_month"].unique())[-MOST_MONTHS:] if len(drift) else []
    stages = _stages(drift, column)
    if not months or not stages:
        return unavailable(title, "no cell has a value", origin)
    figure = new_figure((2.6 + _INCH_PER_MONTH * max(len(months), 16),
                         2.3 + _INCH_PER_STAGE * len(stages)))  # fmt: skip
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    axes = figure.add_subplot()
    axes.grid(visible=False)
    shown = drift[drift["cohort_month"].isin(months) & drift["stage"].isin(stages)]
    colours, norm = _colours(shown[column].dropna(), is_change=column != "ks")
    for cell in shown.to_dict("records"):
        place = months.index(cell["cohort_month"]), stages.index(cell["stage"])
        _cell(axes, place, cell, cell[column], colours, norm)
    _frame(axes, [_stage_name(stage) for stage in stages], pd.DatetimeIndex(months))
    figure.legend(handles=_legend(), loc="outside lower right", ncols=5, fontsize=8)
    return signed(figure, origin)


def _stages(drift: pd.DataFrame, column: str) -> list[str]:
    """Stages with a value, in the order of the funnel, and absent ones among them.

    Of outcomes, which only loans have, absent stages are none.
    """
    if drift.empty or column not in drift or not drift[column].notna().any():
        return []
    known = set(drift.loc[drift[column].notna(), "stage"])
    if column == "ks" and len(known) > 1:
        known |= set(drift.loc[~drift["is_available"], "stage"])
    ordered = drift.sort_values("stage_no")["stage"].unique()
    return [str(stage) for stage in ordered if stage in known]


def _cell(
    axes: Axes,
    place: tuple[int, int],
    cell: Mapping[Any, Any],
    value: Any,
    colours: Colormap,
    norm: Normalize,
) -> None:
    x, y = place
    is_known = isinstance(value, float) and np.isfinite(value)
    is_sure = bool(cell["is_mature"]) and not cell["is_thin"]
    face = colours(norm(value)) if is_known and is_sure else PALE
    hatch = None if is_sure or not is_known else ("////" if cell["is_thin"] else "....")
    axes.add_patch(
        Rectangle((x, y), 1, 1, facecolor=face, edgecolor=HATCHING, lw=0, hatch=hatch)
    )
    axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor="white", lw=0.8))
    if cell["is_drift"]:
        axes.add_patch(
            Rectangle((x + 0.05, y + 0.05), 0.9, 0.9, fill=False, edgecolor=INK, lw=2)
        )
    axes.text(
        x + 0.5, y + 0.5, _in_hundredths(value if is_known else None, cell),
        ha="center", va="center", fontsize=7.5,
        color=_ink_on(face) if is_sure and is_known else QUIET,
        fontweight="bold" if cell["is_drift"] else "normal",
    )  # fmt: skip


def _in_hundredths(value: float | None, cell: Mapping[Any, Any]) -> str:
    if value is None:
        return "" if cell["is_available"] else "n/a"
    rounded = round(100 * value)
    return f"{rounded}"


def _ink_on(face: Any) -> str:
    red, green, blue = mpl.colors.to_rgb(face)
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < _DARK else INK


def _colours(values: pd.Series, *, is_change: bool) -> tuple[Colormap, Normalize]:
    if not is_change:
        most = max(float(values.max()), 0.1) if len(values) else 1.0
        # Without a grey in it: grey cells are those that are not judged.
        return mpl.colormaps["YlGnBu"], Normalize(0, most)
    most = max(float(values.abs().max()), _LEAST_DIFFERENCE) if len(values) else 1.0
    return mpl.colormaps["PuOr"], TwoSlopeNorm(0, -most, most)


def _frame(axes: Axes, stages: list[str], months: pd.DatetimeIndex) -> None:
    axes.set_xlim(0, max(len(months), 1))
    axes.set_ylim(len(stages), 0)
    axes.set_yticks(np.arange(len(stages)) + 0.5, stages)
    axes.set_xticks(
        np.arange(len(months)) + 0.5,
        [f"{m:%b}\n{m:%Y}" if m.month == 1 or not i else f"{m:%b}"
         for i, m in enumerate(months)],
        fontsize=7.5,
    )  # fmt: skip
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xlabel("Cohort: month of the credit application")


def _legend() -> list[Patch]:
    return [
        Patch(facecolor="white", edgecolor=INK, lw=2, label="drift"),
        Patch(facecolor=PALE, edgecolor=HATCHING, hatch="....", label="immature"),
        Patch(facecolor=PALE, edgecolor=HATCHING, hatch="////", label="thin"),
        Patch(facecolor=PALE, edgecolor="white", label="no value"),
        Patch(facecolor=PALE, edgecolor="white", label="n/a: not available"),
    ]


@drawn
def horizontal_picture(drift: pd.DataFrame, origin: str = "") -> Figure:
    """Draw the KS of each stage over cohort months, with intervals and baseline.

    Parameters
    ----------
    drift : DataFrame
        Rows of ``risk.score_drift``.
    origin : str
        Run, month and score.
    """
    title = "Horizontal: each stage over cohort months"
    stages = _stages(drift[drift["ks"].notna()], "ks") if len(drift) else []
    if not stages:
        return unavailable(title, "no stage has a KS", origin)
    rows = -(-len(stages) // 2)
    figure = new_figure((WIDE[0] + 1.4, 1.2 + 2.3 * rows))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, stage in zip(panels, stages, strict=False):
        own = drift[(drift["stage"] == stage) & drift["ks"].notna()]
        for label, rows_of_label in own.groupby("label"):
            _line(axes, rows_of_label, COLOURS.get(str(label), QUIET))
        axes.set_title(_stage_name(stage), fontsize=10)
        axes.set_ylim(bottom=0)
    for axes in panels[len(stages) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(stages) - 2) : len(stages)]:
        axes.tick_params(labelbottom=True)
        month_axis(axes)
    panels[0].set_ylabel("KS")
    # Below, it would lie on a long origin.
    figure.legend(handles=_line_legend(drift), loc="outside upper right", ncols=5,
                  fontsize=8)  # fmt: skip
    return signed(figure, origin)


def _line(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    known = rows[rows["ks_low"].notna()]
    axes.fill_between(known["cohort_month"], known["ks_low"].to_numpy(float),
                      known["ks_high"].to_numpy(float), color=colour, alpha=0.18,
                      lw=0)  # fmt: skip
    axes.plot(rows["cohort_month"], rows["ks"], color=colour, lw=1.3)
    unsure = rows[~rows["is_mature"] | rows["is_thin"]]
    axes.plot(unsure["cohort_month"], unsure["ks"], "o", ms=4, mfc="white", color=colour)
    flagged = rows[rows["is_drift"]]
    axes.plot(flagged["cohort_month"], flagged["ks"], "s", ms=6, color=ORANGE)
    baseline = rows["baseline_ks"].dropna()
    if len(baseline):
        axes.axhline(float(baseline.iloc[0]), color=colour, lw=0.9, ls="--")


def _line_legend(drift: pd.DataFrame) -> list[Line2D]:
    labels = [label for label in COLOURS if label in set(drift["label"])]
    lines = [Line2D([], [], color=COLOURS[label], label=f"{label} label")
             for label in labels]  # fmt: skip
    return [
        *lines,
        Line2D([], [], color=QUIET, ls="--", lw=0.9, label="baseline months"),
        Line2D(
            [], [], color=QUIET, marker="o", mfc="white", ls="", label="thin, immature"
        ),
        Line2D([], [], color=ORANGE, marker="s", ls="", label="drift"),
    ]


@drawn
def vertical_picture(
    drift: pd.DataFrame, month: pd.Timestamp | None, origin: str = ""
) -> Figure:
    """Draw the KS down the funnel for one cohort, beside what selection alone leaves.

    Parameters
    ----------
    drift : DataFrame
        Rows of ``risk.score_drift`` of the policy label.
    month : Timestamp or None
        Cohort; None where none is mature.
    origin : str
        Run, month and score.
    """
    title = "Vertical: down the funnel"
    if month is None:
        return unavailable(title, "no mature cohort has a KS by that label", origin)
    own = drift[(drift["cohort_month"] == month) & drift["stage"].isin(WAY)]
    own = own[own["ks"].notna()].sort_values("stage_no")
    if own.empty:
        return unavailable(title, "the cohort has no KS", origin)
    figure = new_figure((WIDE[0], 3.9))
    axes = titled_axes(figure, f"{title}, cohort of {month:%B %Y}")
    x = np.arange(len(own))
    colours = [ORANGE if is_drift else BLUE for is_drift in own["is_drift"]]
    axes.bar(x, own["ks"], width=0.5, color=colours)
    known = own["ks_low"].notna().to_numpy()
    axes.vlines(x[known], own["ks_low"][known], own["ks_high"][known], color=INK, lw=1.4)
    expected = own["expected_ks"].to_numpy(float)
    axes.hlines(expected, x - 0.36, x + 0.36, color=AMBER, lw=2.4)
    axes.set_xticks(x, [_step_name(stage) for stage in own["stage"]])
    axes.set_ylabel("KS")
    axes.legend(
        handles=[
            Patch(color=BLUE, label="KS"),
            Patch(color=ORANGE, label="drift"),
            Line2D([], [], color=INK, label="95 % interval"),
            Line2D([], [], color=AMBER, lw=2.4, label="by selection alone"),
        ],
        loc="upper right", ncols=4,
    )  # fmt: skip
    axes.set_ylim(top=axes.get_ylim()[1] * 1.2)
    return signed(figure, origin)


@drawn
def effects_picture(drift: pd.DataFrame, origin: str = "") -> Figure:
    """Draw the effect of each step down the funnel over cohort months.

    Parameters
    ----------
    drift : DataFrame
        Rows of ``risk.score_drift`` of the policy label.
    origin : str
        Run, month and score.
    """
    title = "Effect of each step on KS, beyond selection"
    steps = [s for s in STEPS if _has_values(drift, s, "selection_change")]
    if not steps:
        return unavailable(title, "no step of the funnel has a KS on both sides", origin)
    figure = new_figure((WIDE[0] + 1.4, 1.4 + 1.75 * len(steps)))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    panels = figure.subplots(len(steps), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, stage in zip(panels, steps, strict=True):
        own = drift[(drift["stage"] == stage) & drift["selection_change"].notna()]
        _effects(axes, own)
        axes.set_title(f"{STEPS[stage]}: {_stage_name(stage)}", fontsize=10)
    month_axis(panels[-1])
    note_below(panels[-1], "Filled: mature, enough of both outcomes. Orange: drift.")
    return signed(figure, origin)


def _effects(axes: Axes, own: pd.DataFrame) -> None:
    axes.axhline(0, color=QUIET, lw=0.9)
    # The lines of no interval stay what they are.
    for row in own.to_dict("records"):
        colour = ORANGE if row["is_drift"] else BLUE
        is_sure = row["is_mature"] and not row["is_thin"]
        if pd.notna(row["selection_change_low"]):
            ends = row["selection_change_low"], row["selection_change_high"]
            axes.vlines(row["cohort_month"], *ends, color=colour, lw=1.2, alpha=0.7)
        axes.plot(row["cohort_month"], row["selection_change"], "o", ms=4.5, color=colour,
                  mfc=colour if is_sure else "white")  # fmt: skip


@drawn
def funnel_picture(funnel: pd.DataFrame, origin: str = "") -> Figure:
    """Draw which share of the stage above came through each step, over cohort months.

    Parameters
    ----------
    funnel : DataFrame
        Rows of ``risk.funnel_count``.
    origin : str
        Run, month and score.
    """
    title = "Share of the stage above that came through"
    steps = [s for s in STEPS if _has_values(funnel, s, "share_of_parent")]
    if not steps:
        return unavailable(title, "the portfolio records no step of the funnel", origin)
    figure = new_figure((WIDE[0], 3.6))
    axes = titled_axes(figure, title)
    for stage, colour in zip(STEPS, (BLUE, ORANGE, GREEN), strict=True):
        own = funnel[(funnel["stage"] == stage) & funnel["share_of_parent"].notna()]
        if stage in steps:
            axes.plot(own["cohort_month"], own["share_of_parent"], color=colour,
                      label=f"{STEPS[stage]} ({_stage_name(stage)})")  # fmt: skip
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("Share")
    month_axis(axes)
    axes.legend(loc="lower left")
    return signed(figure, origin)


@drawn
def shift_picture(drift: pd.DataFrame, origin: str = "") -> Figure:
    """Draw how far the scores of each stage moved from the baseline, over months.

    Parameters
    ----------
    drift : DataFrame
        Rows of ``risk.score_drift`` of any one label.
    origin : str
        Run, month and score.
    """
    title = "Shift of the scores against the baseline months"
    stages = [s for s in WAY if _has_values(drift, s, "score_shift_ks")]
    if not stages:
        return unavailable(title, "no stage has scores in the baseline months", origin)
    figure = new_figure((WIDE[0] + 1.4, 3.7))
    panels = figure.subplots(1, 2, sharex=True, squeeze=False)[0]
    colours = (BLUE, ORANGE, GREEN, AMBER)
    for axes, column, name in (
        (panels[0], "score_shift_ks", "KS of scores now and then"),
        (panels[1], "psi", "Population stability index"),
    ):
        for stage, colour in zip(WAY, colours, strict=True):
            own = drift[(drift["stage"] == stage) & drift[column].notna()]
            axes.plot(own["cohort_month"], own[column], color=colour, lw=1.3,
                      label=_stage_name(stage))  # fmt: skip
        axes.set_title(name, fontsize=10)
        axes.set_ylim(bottom=0)
        month_axis(axes)
    # The usual rule of thumb: watch from 0.1 on, act from 0.25 on.
    for bound in (0.1, 0.25):
        panels[1].axhline(bound, color=LINE, lw=1.2, ls="--")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    handles, _ = panels[0].get_legend_handles_labels()
    figure.legend(handles=handles, loc="outside upper right", ncols=4, fontsize=8)
    return signed(figure, origin)


def _has_values(rows: pd.DataFrame, stage: str, column: str) -> bool:
    if column not in rows:
        return False
    return bool(rows.loc[rows["stage"] == stage, column].notna().any())


def _stage_name(stage: object) -> str:
    return str(stage).replace("_", " ")


def _step_name(stage: object) -> str:
    step = STEPS.get(str(stage))
    return f"{_stage_name(stage)}\n({step.lower()})" if step else _stage_name(stage)
