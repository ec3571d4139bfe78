"""Pictures of what was predicted: against what happened, and as losses to come.

Every function takes small tables and returns a figure; what cannot be drawn becomes a
figure that says why.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from comove.joint_risk.report_facts import INDEPENDENT
from comove.risk_model.canvas import (
    AMBER,
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
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
from comove.risk_model.pictures import Style

FloatArray = NDArray[np.float64]

NAMES = {
    "independent": "PD alone",
    "ewma": "PD by recent events",
    "single_factor": "one factor",
    "factor_copula": "factor copula",
    "student_t": "Student-t copula",
}
_STYLES = {
    "independent": Style(QUIET, ":", "D"),
    "ewma": Style(AMBER, "--", "v"),
    "single_factor": Style(GREEN, "-.", "s"),
    "factor_copula": Style(BLUE, "-", "o"),
    "student_t": Style(PURPLE, "--", "^"),
}
_LOSS_STYLES = {
    "factor": Style(BLUE, "-", "o"),
    "independent": Style(ORANGE, "--", "s"),
}
LOSS_NAMES = {"factor": "factor copula", "independent": "independence"}
MEASURE_NAMES = {
    "expected": "Expected loss",
    "var_99": "VaR 99 %",
    "es_99": "ES 99 %",
    "var_999": "VaR 99.9 %",
}
# Half of the width of a 90 % interval, in standard errors.
REACH = 1.645
# Of simulations: fewer tell nothing.
_LEAST_SHARE = 1e-4
_NOT_VALIDATED = "no month has been predicted a month ahead yet"


@drawn
def outcomes_picture(
    validation: pd.DataFrame, origin: str = "", why: str = _NOT_VALIDATED
) -> Figure:
    """Draw events expected a month ahead against those that happened.

    Parameters
    ----------
    validation : DataFrame
        Rows of ``risk.index_validation``.
    origin : str
        Run, month and model version.
    why : str
        Why there are none.
    """
    title = "Predicted a month ahead, and realised"
    if validation.empty:
        return unavailable(title, why, origin)
    figure = new_figure((WIDE[0], 6.6))
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.set_title(title)
    for name, one in _models(validation):
        style = _STYLES[name]
        months = pd.to_datetime(one["month"])
        look = {"color": style.colour, "ls": style.dashes, "marker": style.marker}
        top.plot(months, one["expected_events"], **look, ms=4, label=NAMES[name])
        bottom.plot(months, one["log_loss"], **look, ms=4, label=NAMES[name])
    one = validation.drop_duplicates("month")
    top.plot(
        pd.to_datetime(one["month"]), one["events"], "o", color=INK, ms=7, mfc="none",
        mew=1.8, label="realised", clip_on=False, zorder=3,
    )  # fmt: skip
    top.set_ylim(bottom=0)
    top.set_ylabel("Events in the month")
    top.legend(loc="best", ncols=3)
    bottom.set_ylabel("Log loss (nats)")
    bottom.set_title("Log loss of each month: less is better", fontsize=10.5)
    _month_ticks(bottom, validation)
    return signed(figure, origin)


@drawn
def skill_picture(
    validation: pd.DataFrame,
    pooled: pd.DataFrame,
    origin: str = "",
    why: str = _NOT_VALIDATED,
) -> Figure:
    """Draw what each model saves of the log loss of PD alone, by month and in all.

    Parameters
    ----------
    validation : DataFrame
        Rows of ``risk.index_validation``, with ``skill`` and ``skill_se``.
    pooled : DataFrame
        From `comove.joint_risk.report_facts.pooled_skill`.
    origin : str
        Run, month and model version.
    why : str
        Why there are none.
    """
    title = "Skill: log loss saved against PD alone"
    rivals = validation[validation["model"] != INDEPENDENT] if len(validation) else None
    if rivals is None or rivals.empty:
        return unavailable(title, why, origin)
    figure = new_figure(WIDE)
    left, right = figure.subplots(1, 2, width_ratios=[1.8, 1.0])
    left.set_title(title)
    _skill_by_month(left, rivals)
    _skill_in_all(right, pooled[pooled["model"] != INDEPENDENT])
    return signed(figure, origin)


@drawn
def loss_picture(
    bins: pd.DataFrame, losses: pd.DataFrame, origin: str = "", why: str = ""
) -> Figure:
    """Draw the distribution of the loss to come under both copulas.

    Parameters
    ----------
    bins : DataFrame
        ``copula``, ``bin_from``, ``bin_to``, ``share`` of simulated losses.
    losses : DataFrame
        Rows of ``risk.portfolio_loss``.
    origin : str
        Run, month and model version.
    why : str
        Why there is none.
    """
    title = "Loss of the portfolio in the month to come"
    if bins.empty and losses.empty:
        return unavailable(title, why or "no loss was simulated", origin)
    if bins.empty:
        return _measures(title, losses, origin)
    figure = new_figure(WIDE)
    left, right = figure.subplots(1, 2)
    left.set_title(title)
    right.set_title("How likely a loss of at least so much is")
    unit = _unit(float(bins["bin_to"].max()))
    for name in _LOSS_STYLES:
        one = bins[bins["copula"] == name].sort_values("bin_from")
        if len(one):
            _distribution(left, one, name, unit[0])
            _tail(right, one, losses, name, unit[0])
    for axes in (left, right):
        axes.set_xlim(left=0)
        axes.set_xlabel(f"Loss ({unit[1]})")
    left.set_xlim(right=_reached(bins, 0.998) / unit[0])
    right.set_xlim(right=1.1 * _reached(bins, 1 - _LEAST_SHARE) / unit[0])
    left.set_ylabel("Share of simulations (%)")
    left.legend(loc="upper right")
    note_below(right, "Marks: VaR 99 % and 99.9 %, with Monte-Carlo error.")
    return signed(figure, origin)


def _models(validation: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Rows of each model known, in our order."""
    found = {str(name): one for name, one in validation.groupby("model")}
    return [(name, found[name].sort_values("month")) for name in NAMES if name in found]


def _month_ticks(axes: Axes, validation: pd.DataFrame) -> None:
    months = sorted(set(pd.to_datetime(validation["month"])))
    if len(months) > 8:
        month_axis(axes)
        return
    axes.set_xticks(np.array(months), [f"{month:%Y-%m}" for month in months])
    axes.set_xlabel("Month")


def _skill_by_month(axes: Axes, rivals: pd.DataFrame) -> None:
    months = sorted(set(pd.to_datetime(rivals["month"])))
    place = {month: position for position, month in enumerate(months)}
    models = _models(rivals)
    axes.axhline(0, color=INK, lw=1, ls=":")
    for position, (name, one) in enumerate(models):
        style = _STYLES[name]
        aside = 0.14 * (position - (len(models) - 1) / 2)
        x = pd.to_datetime(one["month"]).map(place).to_numpy(float) + aside
        axes.errorbar(
            x, 100 * one["skill"], 100 * REACH * one["skill_se"].fillna(0), ls="",
            marker=style.marker, color=style.colour, ms=5, lw=1.2, label=NAMES[name],
        )  # fmt: skip
    shown = range(0, len(months), max(1, -(-len(months) // 8)))
    axes.set_xticks(list(shown), [f"{months[i]:%Y-%m}" for i in shown])
    axes.set_xlim(-0.6, len(months) - 0.4)
    axes.set_ylabel("Log loss saved (%)")
    axes.set_xlabel("Month")
    note_below(axes, "Bars: 90 %, of borrowers as if independent. Above 0: better.")


def _skill_in_all(axes: Axes, pooled: pd.DataFrame) -> None:
    ordered = pooled.sort_values("skill")
    rows = np.arange(len(ordered))
    axes.axvline(0, color=INK, lw=1, ls=":")
    error = 100 * REACH * ordered["skill_se"].fillna(0).to_numpy(float)
    for row, name, skill, reach in zip(
        rows, ordered["model"], 100 * ordered["skill"], error, strict=True
    ):
        style = _STYLES.get(name, _STYLES[INDEPENDENT])
        axes.errorbar(
            skill, row, xerr=reach, color=style.colour, marker=style.marker, ms=6, lw=1.5
        )  # fmt: skip
    axes.set_yticks(rows, [NAMES.get(name, name) for name in ordered["model"]])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(-0.6, len(ordered) - 0.4)
    axes.grid(visible=False, axis="y")
    months = int(ordered["months"].max())
    axes.set_title("All months" if months > 1 else "One month")
    axes.set_xlabel("Log loss saved (%)")
    note = "Bars: 90 %, from month to month." if months > 1 else "No error of one month."
    note_below(axes, note)


def _unit(largest: float) -> tuple[float, str]:
    for size, name in ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands")):
        if largest >= 2 * size:
            return size, f"{name}, in currency"
    return 1.0, "currency"


def _reached(bins: pd.DataFrame, share: float) -> float:
    """Loss below which so much of the wider distribution lies."""
    ends = []
    for _, one in bins.sort_values("bin_from").groupby("copula"):
        place = int(np.searchsorted(one["share"].cumsum().to_numpy(float), share))
        ends.append(float(one["bin_to"].iloc[min(place, len(one) - 1)]))
    return max(ends)


def _distribution(axes: Axes, one: pd.DataFrame, name: str, unit: float) -> None:
    style = _LOSS_STYLES[name]
    edges = np.append(one["bin_from"], one["bin_to"].iloc[-1]) / unit
    axes.stairs(
        100 * one["share"], edges, color=style.colour, ls=style.dashes, lw=1.6,
        label=LOSS_NAMES[name],
    )  # fmt: skip


def _tail(
    axes: Axes, one: pd.DataFrame, losses: pd.DataFrame, name: str, unit: float
) -> None:
    style = _LOSS_STYLES[name]
    above = one["share"].to_numpy(float)[::-1].cumsum()[::-1]
    seen = above > 0
    axes.plot(
        one["bin_from"].to_numpy(float)[seen] / unit, above[seen],
        color=style.colour, ls=style.dashes,
    )  # fmt: skip
    for measure, level in (("var_99", 0.01), ("var_999", 0.001)):
        row = _measure(losses, name, measure)
        if row is not None:
            axes.errorbar(
                row["amount"] / unit, level, xerr=REACH * row["mc_error"] / unit,
                marker=style.marker, color=style.colour, ms=6, capsize=3,
            )  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(_LEAST_SHARE, 1.3)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}"))
    axes.set_ylabel("Probability (%, log scale)")


def _measure(losses: pd.DataFrame, copula: str, measure: str) -> pd.Series | None:
    if losses.empty:
        return None
    found = losses[(losses["copula"] == copula) & (losses["measure"] == measure)]
    return found.iloc[0] if len(found) else None


def _measures(title: str, losses: pd.DataFrame, origin: str) -> Figure:
    """Draw the measures alone where the distribution was not kept."""
    figure = new_figure(WIDE)
    axes = titled_axes(figure, title)
    size, unit = _unit(float(losses["amount"].max()))
    for position, (name, style) in enumerate(_LOSS_STYLES.items()):
        for place, measure in enumerate(MEASURE_NAMES):
            row = _measure(losses, name, measure)
            if row is not None:
                axes.errorbar(
                    row["amount"] / size, place + 0.12 * (1 - 2 * position),
                    xerr=REACH * row["mc_error"] / size, marker=style.marker,
                    color=style.colour,
                )  # fmt: skip
        name_shown = LOSS_NAMES[name]
        axes.plot([], [], marker=style.marker, color=style.colour, label=name_shown)
    axes.set_yticks(range(len(MEASURE_NAMES)), list(MEASURE_NAMES.values()))
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.set_xlim(left=0)
    axes.set_xlabel(f"Loss ({unit}); bars: 90 % Monte-Carlo error")
    axes.legend(loc="lower right")
    note_below(axes, "The distribution itself was not kept; run the task `derive` again.")
    return signed(figure, origin)
