"""Pictures of the decisions: the funnel, limits against scores, fairness."""

import pandas as pd
from matplotlib.figure import Figure

from comove.decision.report_facts import STEPS
from comove.risk_model.canvas import (
    BLUE,
    GREEN,
    LINE,
    ORANGE,
    QUIET,
    WIDE,
    drawn,
    new_figure,
    note_below,
    signed,
    titled_axes,
    unavailable,
)

_TITLES = {"region": "by region", "age_band": "by age", "kind": "by kind"}


@drawn
def funnel_picture(funnel: pd.DataFrame, origin: str = "") -> Figure:
    """Draw how many applications are left after each step.

    Parameters
    ----------
    funnel : DataFrame
        ``refused_at`` (null where admitted), ``applications``.
    origin : str
        Run and month.
    """
    title = "The way of an application"
    if funnel.empty:
        return unavailable(title, "nothing was decided", origin)
    by_step = funnel.groupby("refused_at", dropna=False)["applications"].sum()
    lost = [int(by_step.get(step, 0)) for step in STEPS]
    total = int(funnel["applications"].sum())
    names = ["asked for", *(f"after {step}" for step in STEPS)]
    left = [total, *(total - sum(lost[: n + 1]) for n in range(len(STEPS)))]
    figure = new_figure((WIDE[0], 3.6))
    axes = titled_axes(figure, title)
    places = range(len(names))
    axes.barh(places, left, color=BLUE, height=0.62)
    axes.barh(list(places)[1:], lost, left=left[1:], color=ORANGE, height=0.62)
    for place, (n, gone) in enumerate(zip(left, [0, *lost], strict=True)):
        text = f" {n:,}" + (f"   refused {gone:,}" if gone else "")
        axes.text(n + gone, place, text, va="center", fontsize=9)
    axes.set_yticks(list(places), names)
    axes.invert_yaxis()
    axes.set_xlim(0, total * 1.3)
    axes.set_xlabel("Applications")
    note_below(axes, "Orange: refused at the step.")
    return signed(figure, origin)


@drawn
def limit_picture(bands: pd.DataFrame, origin: str = "") -> Figure:
    """Draw the limits of who is admitted against the score.

    Parameters
    ----------
    bands : DataFrame
        By band of the score (``score``, its middle): ``low``, ``middle``, ``high`` (10 %,
        half and 90 % of the limits) and ``requested``, for new and existing borrowers.
    origin : str
        Run and month.
    """
    title = "Limits against the score"
    if bands.empty:
        return unavailable(title, "nobody was admitted", origin)
    figure = new_figure((WIDE[0], 3.9))
    axes = titled_axes(figure, title)
    for is_existing, colour, name in ((True, BLUE, "existing"), (False, GREEN, "new")):
        rows = bands[bands["is_existing_borrower"] == is_existing]
        if rows.empty:
            continue
        axes.fill_between(
            rows["score"], rows["low"], rows["high"], color=colour, alpha=0.15
        )
        axes.plot(rows["score"], rows["middle"], "o-", ms=3.5, color=colour,
                  label=f"limit, {name} borrowers")  # fmt: skip
        axes.plot(rows["score"], rows["requested"], ":", color=colour, lw=1.2,
                  label=f"asked for, {name}")  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Score of the probability of repaying, points")
    axes.set_ylabel("Currency")
    axes.legend(loc="best", ncols=2)
    note_below(axes, "Lines: medians by 20 points. Areas: 10 to 90 % of the limits.")
    return signed(figure, origin)


@drawn
def fairness_picture(fairness: pd.DataFrame, attribute: str, origin: str = "") -> Figure:
    """Draw approval and mean limit of each group with 95 % intervals.

    Parameters
    ----------
    fairness : DataFrame
        Rows of ``risk.decision_fairness``.
    attribute : str
        ``region``, ``age_band`` or ``kind``.
    origin : str
        Run and month.
    """
    title = f"Approval and limits {_TITLES[attribute]}"
    rows = fairness[fairness["attribute"] == attribute] if len(fairness) else fairness
    if rows.empty:
        return unavailable(title, "nothing was decided", origin)
    rows = rows.sort_values("approval_rate")
    figure = new_figure((WIDE[0], 1.9 + 0.24 * len(rows)))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    left, right = figure.subplots(1, 2, sharey=True)
    places = range(len(rows))
    best = rows.loc[rows["group_name"] == rows["best_group"], "approval_rate"]
    if len(best):
        left.axvline(80 * float(best.iloc[0]), color=QUIET, lw=0.9, ls="--")
    colours = [ORANGE if high < 0 else BLUE for high in rows["four_fifths_high"]]
    left.hlines(places, 100 * rows["approval_low"], 100 * rows["approval_high"],
                color=colours, lw=1.6)  # fmt: skip
    left.scatter(100 * rows["approval_rate"], places, color=colours, s=22)
    left.set_xlabel("Admitted, %")
    right.hlines(places, rows["limit_low"], rows["limit_high"], color=BLUE, lw=1.6)
    right.scatter(rows["mean_limit"], places, color=BLUE, s=22)
    right.set_xlabel("Mean limit, currency")
    left.set_yticks(list(places), [str(name) for name in rows["group_name"]])
    for axes in (left, right):
        axes.grid(color=LINE)
    note_below(left, "Dashed: four fifths of the highest. Orange: surely below it.")
    return signed(figure, origin)
