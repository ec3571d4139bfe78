"""Pictures of the risk models.

Every function takes small frames of aggregates and returns a figure. What cannot be drawn
becomes a figure that says why. Lines and markers differ as well as colours.
"""

from collections.abc import Mapping
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from comove.risk_model.canvas import (
    AMBER,
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    SKY,
    SQUARE,
    WIDE,
    drawn,
    evenly,
    month_axis,
    new_figure,
    note_below,
    percent_axis,
    row_of_panels,
    signed,
    titled_axes,
    unavailable,
    with_numbers,
)
from comove.risk_model.curves import (
    THIN_EVENTS,
    FloatArray,
    calibration_bands,
    chance_band,
    clean,
    gains,
    gap,
    has_both_classes,
    roc,
    wilson,
)
from comove.risk_model.explain import Contributions

# PSI below 0.1 is stable, above 0.25 has shifted (Siddiqi, Credit Risk Scorecards).
PSI_LIMITS = (0.1, 0.25)
MOST_HEAT_ROWS = 30
MOST_FEATURES = 20
MOST_VINTAGES = 24


class Style(NamedTuple):
    """Look of one algorithm, the same in every picture."""

    colour: str
    dashes: str
    marker: str


STYLES = {
    "xgboost": Style(BLUE, "-", "o"),
    "logit": Style(ORANGE, "--", "s"),
    "blend": Style(GREEN, "-.", "^"),
}
_OTHER_STYLES = (
    Style(PURPLE, ":", "D"),
    Style(AMBER, "-", "v"),
    Style(SKY, "--", "P"),
)


def style_of(algorithm: str, position: int = 0) -> Style:
    """Look of an algorithm; others than our three get one by their position."""
    return STYLES.get(algorithm) or _OTHER_STYLES[position % len(_OTHER_STYLES)]


@drawn
def roc_picture(
    algorithms: Mapping[str, pd.DataFrame],
    origin: str = "",
    counted: str = "borrower-months",
) -> Figure:
    """Draw ROC curves, one per algorithm.

    Parameters
    ----------
    algorithms : mapping of str to DataFrame
        Counts by predicted probability (`pd`, `rows`, `events`).
    origin : str
        Run, month and model version.
    counted : str
        What the rows are.
    """
    title = "Ranking of events: ROC curves"
    curves = {name: roc(counts) for name, counts in algorithms.items()}
    curves = {name: curve for name, curve in curves.items() if len(curve.true_positives)}
    if not curves:
        return unavailable(title, _one_class(algorithms), origin)
    figure = new_figure(SQUARE)
    axes = titled_axes(figure, title)
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":", label="chance, AUC 0.500")
    for position, (name, curve) in enumerate(curves.items()):
        look = style_of(name, position)
        axes.plot(
            curve.false_positives,
            curve.true_positives,
            color=look.colour,
            ls=look.dashes,
            label=f"{name}, AUC {curve.auc:.3f}",
        )
    _shares(axes, f"Good {counted} above the cut-off (%)", "Events above it (%)")
    axes.set_aspect("equal")
    axes.legend(loc="lower right")
    return signed(figure, origin)


@drawn
def ks_picture(
    counts: pd.DataFrame,
    label: str,
    origin: str = "",
    unit: str = "Predicted PD",
    counted: str = "borrower-months",
) -> Figure:
    """Draw both cumulated distributions and mark the widest gap.

    Parameters
    ----------
    counts : DataFrame
        Counts by predicted probability.
    label : str
        Whose prediction it is, for the title.
    origin : str
        Run, month and model version.
    unit : str
        What the horizontal axis shows, without its unit.
    counted : str
        What the rows are.
    """
    title = f"Separation of good and bad: {label}"
    found = gap(counts)
    if not len(found.pd):
        return unavailable(title, _one_class({label: counts}), origin)
    figure = new_figure(SQUARE)
    axes = titled_axes(figure, title)
    axes.plot(found.pd, found.bad, color=ORANGE, ls="--", label="events")
    axes.plot(found.pd, found.good, color=BLUE, label=f"good {counted}")
    ends = (
        np.interp(found.at, found.pd, found.good),
        np.interp(found.at, found.pd, found.bad),
    )
    axes.vlines(found.at, min(ends), max(ends), color=INK, lw=1.4)
    _noted(axes, found.at, sum(ends) / 2, f"KS {found.ks:.3f} at {_percent(found.at)}")
    _rate_axis(axes, "x", found.pd)
    axes.set_xlabel(f"{unit} (%, log scale)")
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_ylabel("Share at or below (%)")
    axes.legend(loc="upper left")
    return signed(figure, origin)


@drawn
def calibration_picture(
    algorithms: Mapping[str, pd.DataFrame], origin: str = "", bands: int = 10
) -> Figure:
    """Draw observed against predicted rates, with Wilson intervals, on log axes.

    Bands without an event stand as arrows at the top of their interval; hollow markers
    have fewer than 30 events.

    Parameters
    ----------
    algorithms : mapping of str to DataFrame
        Counts by predicted probability.
    origin : str
        Run, month and model version.
    bands : int
        Bands of equal rows.
    """
    title = "Predicted against observed event rate"
    tables = {
        name: calibration_bands(counts, bands) for name, counts in algorithms.items()
    }
    tables = {name: table for name, table in tables.items() if table["events"].sum() > 0}
    if not tables:
        return unavailable(title, _no_events(algorithms), origin)
    figure = new_figure(SQUARE)
    axes = titled_axes(figure, title)
    spread = (len(tables) - 1) / 2
    for position, (name, table) in enumerate(tables.items()):
        # A little aside of each other, or the intervals of three models hide one another.
        shift = 1 + 0.05 * (position - spread)
        _calibrated(axes, table, name, style_of(name, position), shift)
    _square_log(axes, list(tables.values()))
    axes.set_xlabel("Predicted PD (%, log scale)")
    axes.set_ylabel("Observed event rate (%, log scale)")
    axes.legend(loc="upper left")
    note = f"Bars: 95 % Wilson interval. Hollow: fewer than {THIN_EVENTS} events."
    note_below(axes, f"{note} Arrow: none, drawn at its upper end.")
    return signed(figure, origin)


@drawn
def gains_picture(
    algorithms: Mapping[str, pd.DataFrame], origin: str = "", bands: int = 10
) -> Figure:
    """Draw cumulated gains, and the lift of each band of the first algorithm given.

    Parameters
    ----------
    algorithms : mapping of str to DataFrame
        Counts by predicted probability; the champion's first.
    origin : str
        Run, month and model version.
    bands : int
        Bands of equal rows.
    """
    title = "Events caught by the riskiest"
    usable = {n: c for n, c in algorithms.items() if has_both_classes(clean(c))}
    if not usable:
        return unavailable(title, _one_class(algorithms), origin)
    figure = new_figure(WIDE)
    left, right = row_of_panels(figure, 2)
    left.set_title(title)
    left.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":", label="chance")
    for position, (name, counts) in enumerate(usable.items()):
        look, curve = style_of(name, position), gap(counts)
        rows = _share_above(curve.good, curve.bad, _rate(counts))
        left.plot(rows, 1 - curve.bad, color=look.colour, ls=look.dashes, label=name)
    _shares(left, "Borrower-months, riskiest first (%)", "Events among them (%)")
    left.legend(loc="lower right")
    name = next(iter(usable))
    _lifts(right, gains(usable[name], bands), name)
    return signed(figure, origin)


@drawn
def months_picture(
    months: pd.DataFrame,
    champion: str | None = None,
    origin: str = "",
    thin_events: int = THIN_EVENTS,
) -> Figure:
    """Draw the observed event rate of each month against what the models expected.

    Parameters
    ----------
    months : DataFrame
        ``algorithm``, ``month``, ``rows``, ``events``, ``expected`` (sum of PDs).
    champion : str, optional
        Whose expectation the 95 % band of chance is drawn around; else the first's.
    origin : str
        Run, month and model version.
    thin_events : int
        Months with fewer events get a hollow marker.
    """
    title = "Observed and expected event rate by month"
    known = with_numbers(months, ["algorithm", "month", "rows", "events", "expected"])
    known = known[known["rows"] > 0]
    if known.empty:
        return unavailable(title, "no month has been predicted yet", origin)
    figure = new_figure(WIDE)
    axes = titled_axes(figure, title)
    names = list(dict.fromkeys(known["algorithm"]))
    chosen = champion if champion in names else names[0]
    for position, name in enumerate(names):
        one = known[known["algorithm"] == name].sort_values("month")
        if name == chosen:
            _chance(axes, one, name, style_of(name, position))
        _line(axes, one["month"], one["expected"] / one["rows"], name, position)
    _observed(axes, known[known["algorithm"] == chosen], thin_events)
    percent_axis(axes)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Borrowers with an event (% a month)")
    month_axis(axes)
    axes.legend(loc="best", ncols=2)
    note_below(
        axes,
        "Beyond the band more often than 1 month in 20: events move together, or the "
        "level is off.",
    )
    return signed(figure, origin)


MEASURES = (
    ("log_loss", "Log loss (nats)"),
    ("auc", "AUC"),
    ("ks", "KS"),
)


@drawn
def measures_picture(months: pd.DataFrame, origin: str = "") -> Figure:
    """Draw log loss, AUC and KS of each month, a panel each.

    Parameters
    ----------
    months : DataFrame
        ``algorithm``, ``month``, ``log_loss``, ``auc``, ``ks``; missing where a month
        has one class only.
    origin : str
        Run, month and model version.
    """
    title = "Performance by month, out of time"
    present = [pair for pair in MEASURES if pair[0] in months and months[pair[0]].any()]
    if months.empty or not present:
        return unavailable(title, "no month has both events and others", origin)
    figure = new_figure((WIDE[0], 1.6 + 1.7 * len(present)))
    panels = figure.subplots(len(present), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (column, unit) in zip(panels, present, strict=True):
        for position, (name, one) in enumerate(months.groupby("algorithm", sort=False)):
            ordered = one.sort_values("month")
            _line(axes, ordered["month"], ordered[column], str(name), position)
        axes.set_ylabel(unit)
    panels[0].set_title(title)
    panels[0].legend(loc="best", ncols=3)
    month_axis(panels[-1])
    return signed(figure, origin)


@drawn
def shap_picture(contributions: Contributions | None, origin: str = "") -> Figure:
    """Draw what moves single predictions: a dot per row and feature, coloured by value.

    Parameters
    ----------
    contributions : Contributions or None
        SHAP values of a sample of rows.
    origin : str
        Run, month and model version.
    """
    title = "What moves the prediction: SHAP values"
    if contributions is None or not len(contributions.values):
        return unavailable(title, "no xgboost model, or no rows to explain", origin)
    order = contributions.order()[:MOST_FEATURES]
    figure = new_figure((WIDE[0], max(3.2, 1.7 + 0.33 * len(order))))
    axes = titled_axes(figure, title)
    for height, feature in enumerate(reversed(order)):
        _swarm(axes, contributions, int(feature), height)
    axes.axvline(0, color=QUIET, lw=1)
    axes.set_yticks(
        range(len(order)), [contributions.names[int(f)] for f in reversed(order)]
    )
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_xlabel("Contribution to the log-odds of an event (right: riskier)")
    _value_bar(figure, axes)
    hidden = len(contributions.names) - len(order)
    rest = f" {hidden} more features move it less." if hidden > 0 else ""
    note_below(axes, f"{len(contributions.values):,} rows drawn at random.{rest}")
    return signed(figure, origin)


@drawn
def importance_picture(importance: pd.DataFrame, origin: str = "") -> Figure:
    """Draw the mean absolute SHAP value of each feature.

    Parameters
    ----------
    importance : DataFrame
        ``feature``, ``mean_abs_shap`` in log-odds.
    origin : str
        Run, month and model version.
    """
    title = "Importance of the features"
    known = with_numbers(importance, ["feature", "mean_abs_shap"])
    if known.empty:
        return unavailable(title, "no xgboost model to explain", origin)
    top = known.nlargest(MOST_FEATURES, "mean_abs_shap").iloc[::-1]
    figure = new_figure((WIDE[0], 1.4 + 0.28 * len(top)))
    axes = titled_axes(figure, title)
    axes.barh(top["feature"].astype(str), top["mean_abs_shap"], color=BLUE, height=0.7)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_xlabel("Mean absolute contribution to the log-odds of an event")
    return signed(figure, origin)


@drawn
def psi_picture(stability: pd.DataFrame, origin: str = "") -> Figure:
    """Draw the population stability index of features by month, worst first.

    Parameters
    ----------
    stability : DataFrame
        ``feature``, ``month``, ``psi``; a missing PSI is drawn grey.
    origin : str
        Run, month and model version.
    """
    title = "Shift of the features by month"
    known = with_numbers(stability, ["feature", "month"])
    if known.empty or not known["psi"].notna().any():
        return unavailable(title, "no month has been compared with the baseline", origin)
    grid = known.pivot_table(
        index="feature", columns="month", values="psi", aggfunc="max", dropna=False
    )
    worst = grid.max(axis=1).sort_values(
        ascending=False, kind="stable", na_position="last"
    )
    grid = grid.loc[worst.index[:MOST_HEAT_ROWS]]
    figure = new_figure((WIDE[0], 2.0 + 0.27 * len(grid)))
    axes = titled_axes(figure, title)
    _heat(figure, axes, grid)
    hidden = len(worst) - len(grid)
    if hidden:
        note_below(axes, f"{hidden} more features shifted less.")
    return signed(figure, origin)


@drawn
def vintage_picture(vintages: pd.DataFrame, origin: str = "") -> Figure:
    """Draw the cumulated share of loans with an event by months on book.

    Parameters
    ----------
    vintages : DataFrame
        ``vintage``, ``months_on_book``, ``loans``, ``events`` (cumulated),
        ``share`` (cumulated, 0 to 1).
    origin : str
        Run and month.
    """
    title = "Loans with an event by vintage"
    known = with_numbers(vintages, ["vintage", "months_on_book", "share"])
    if known.empty:
        return unavailable(title, "no loan has been disbursed", origin)
    cohorts = sorted(known["vintage"].unique())
    # Evenly over the years rather than the newest only, or nothing could be compared.
    kept = [cohorts[i] for i in evenly(len(cohorts), MOST_VINTAGES)]
    figure = new_figure(WIDE)
    axes = titled_axes(figure, title)
    colours = mpl.colormaps["cividis"](np.linspace(0, 0.92, len(kept)))
    for colour, cohort in zip(colours, kept, strict=True):
        one = known[known["vintage"] == cohort].sort_values("months_on_book")
        is_thin = one["events"].max() < THIN_EVENTS if "events" in one else False
        axes.plot(
            one["months_on_book"], one["share"], color=colour, lw=1.4,
            ls=":" if is_thin else "-",
        )  # fmt: skip
    percent_axis(axes)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.set_xlabel("Months on book")
    axes.set_ylabel("Loans with an event so far (%)")
    _cohort_bar(figure, axes, kept)
    note_below(
        axes,
        f"{len(kept)} of {len(cohorts)} vintages. Dotted: below {THIN_EVENTS} events.",
    )
    return signed(figure, origin)


@drawn
def score_picture(scores: pd.DataFrame, origin: str = "") -> Figure:
    """Draw the score of good and bad loans, and the bad rate by score.

    Parameters
    ----------
    scores : DataFrame
        ``score_from`` (lower end of a band of equal width), ``outcome`` ('good', 'bad',
        or anything else for unknown) and ``rows``.
    origin : str
        Run, month and model version.
    """
    title = "Application score by outcome"
    known = with_numbers(scores, ["score_from", "rows"])
    if known.empty or known["rows"].sum() == 0:
        return unavailable(title, "no application has a score", origin)
    outcome = known["outcome"].where(known["outcome"].isin(["good", "bad"]), "unknown")
    grid = known.assign(outcome=outcome).pivot_table(
        index="score_from", columns="outcome", values="rows", aggfunc="sum", fill_value=0
    )
    grid = grid.reindex(columns=["good", "bad", "unknown"], fill_value=0).sort_index()
    figure = new_figure(WIDE)
    left, right = row_of_panels(figure, 2)
    left.set_title(title)
    _score_steps(left, grid)
    right.set_title("Bad rate by score")
    _score_rates(right, grid)
    return signed(figure, origin)


@drawn
def uniformity_picture(
    before: ArrayLike, after: ArrayLike, origin: str = "", rows: int | None = None
) -> Figure:
    """Draw how uniform the residuals are, before and after the empirical distribution.

    Parameters
    ----------
    before, after : array-like
        Counts in bands of equal width from 0 to 1.
    origin : str
        Run, month and model version.
    rows : int, optional
        Rows counted; else the sum.
    """
    title = "Uniformity of the residuals"
    counted = [np.asarray(values, float) for values in (before, after)]
    if not all(len(values) and np.nansum(values) > 0 for values in counted):
        return unavailable(title, "no borrower-month lies in the window", origin)
    figure = new_figure(WIDE)
    panels = row_of_panels(figure, 2, sharey=True)
    names = ("as the model leaves them", "after the distribution function")
    for axes, values, name, colour in zip(
        panels, counted, names, (SKY, GREEN), strict=True
    ):
        _density(axes, values, colour, rows)
        axes.set_title(name, fontsize=10, fontweight="normal")
    panels[0].set_ylabel("Share of borrower-months over the uniform's")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return signed(figure, origin)


@drawn
def dependence_picture(dependence: pd.DataFrame, origin: str = "") -> Figure:
    """Draw what dependence is left in the uniforms, by lag in months.

    Parameters
    ----------
    dependence : DataFrame
        ``kind`` (a line each), ``lag`` (months), ``value`` (correlation), and where
        known ``low`` and ``high``.
    origin : str
        Run, month and model version.
    """
    title = "Dependence left in the uniforms, by lag"
    known = with_numbers(dependence, ["kind", "lag", "value"])
    if known.empty:
        return unavailable(title, "too few months to compare", origin)
    figure = new_figure(WIDE)
    axes = titled_axes(figure, title)
    axes.axhline(0, color=QUIET, lw=1)
    looks = (Style(BLUE, "-", "o"), Style(ORANGE, "--", "s"), Style(GREEN, "-.", "^"))
    for look, (kind, one) in zip(
        looks * 3, known.groupby("kind", sort=False), strict=False
    ):
        _lags(axes, one.sort_values("lag"), str(kind), look)
    axes.set_xlabel("Lag (months)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("Correlation")
    axes.legend(loc="best")
    return signed(figure, origin)


def _noted(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(
        text,
        (x, y),
        (8, 0),
        textcoords="offset points",
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
    )


def _one_class(algorithms: Mapping[str, pd.DataFrame]) -> str:
    rows = sum(clean(counts)["rows"].sum() for counts in algorithms.values())
    if not rows:
        return "nothing has been predicted yet"
    return "every outcome is the same, so nothing can be ranked"


def _no_events(algorithms: Mapping[str, pd.DataFrame]) -> str:
    rows = sum(clean(counts)["rows"].sum() for counts in algorithms.values())
    return "there are no events" if rows else "nothing has been predicted yet"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _shares(axes: Axes, x: str, y: str) -> None:
    for axis, text in ((axes.xaxis, x), (axes.yaxis, y)):
        axis.set_major_formatter(PercentFormatter(1, symbol=""))
        axis.set_label_text(text)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)


def _rate_axis(axes: Axes, which: str, values: FloatArray) -> None:
    """Make an axis of probabilities logarithmic, with plain per cents."""
    positive = values[values > 0]
    if len(positive) and positive.max() > 3 * positive.min():
        axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda rate, _: f"{100 * rate:g}"))
    axis.set_minor_formatter(FuncFormatter(lambda rate, _: ""))


def _rate(counts: pd.DataFrame) -> float:
    return float(counts["events"].sum() / counts["rows"].sum())


def _share_above(good: FloatArray, bad: FloatArray, rate: float) -> FloatArray:
    return 1 - (rate * bad + (1 - rate) * good)


def _calibrated(
    axes: Axes, table: pd.DataFrame, name: str, look: Style, shift: float
) -> None:
    x = table["pd"].to_numpy() * shift
    seen = table["events"].to_numpy() > 0
    middle = np.where(seen, table["observed"], table["high"])
    # Log axes know no zero: the interval of a band without events ends below the picture.
    low = np.where(seen, table["low"], 0)
    axes.vlines(x, np.maximum(low, 1e-9), table["high"], color=look.colour, lw=1.2)
    thin = table["events"].to_numpy() < THIN_EVENTS
    for chosen, face, marker in (
        (seen & ~thin, look.colour, look.marker),
        (seen & thin, "white", look.marker),
        (~seen, "white", "v"),
    ):
        axes.plot(
            x[chosen], middle[chosen], marker, color=look.colour, mfc=face, ms=6
        )  # fmt: skip
    axes.plot([], [], look.marker, color=look.colour, label=name)


def _square_log(axes: Axes, tables: list[pd.DataFrame]) -> None:
    """Give both axes the same range, and draw the diagonal."""
    rates = np.concatenate([t[c] for t in tables for c in ("pd", "observed", "high")])
    positive = rates[rates > 0]
    low, high = positive.min() / 1.6, min(positive.max() * 1.6, 1.5)
    axes.plot([low, high], [low, high], color=QUIET, lw=1, ls=":", label="as predicted")
    for which in ("x", "y"):
        _rate_axis(axes, which, np.array([low, high]))
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)


def _lifts(axes: Axes, table: pd.DataFrame, name: str) -> None:
    thin = table["events"] < THIN_EVENTS
    bars = axes.bar(table["band"], table["lift"], color=style_of(name).colour, width=0.75)
    for bar, is_thin in zip(bars, thin, strict=True):
        if is_thin:
            bar.set(facecolor="white", edgecolor=style_of(name).colour, hatch="////")
    axes.axhline(1, color=INK, lw=1, ls=":")
    axes.bar_label(bars, fmt="{:.2g}", fontsize=8, padding=2)
    axes.set_title(f"Lift by band: {name}")
    axes.set_xticks(table["band"])
    axes.set_xlabel("Band of equal rows (1 = riskiest)")
    axes.set_ylabel("Event rate over that of all (times)")
    axes.grid(visible=False, axis="x")
    if thin.any():
        note_below(axes, f"Hatched: fewer than {THIN_EVENTS} events.")


def _line(axes: Axes, x: pd.Series, y: pd.Series, name: str, position: int) -> None:
    look = style_of(name, position)
    # A single month makes no line, so the marker has to show it.
    marker = look.marker if y.notna().sum() < 25 else ""
    axes.plot(
        pd.to_datetime(x), y, color=look.colour, ls=look.dashes, marker=marker, ms=4,
        label=name, lw=1.5,
    )  # fmt: skip


def _chance(axes: Axes, one: pd.DataFrame, name: str, look: Style) -> None:
    low, high = chance_band(one["expected"] / one["rows"], one["rows"])
    axes.fill_between(
        pd.to_datetime(one["month"]), low, high, color=look.colour, alpha=0.18, lw=0,
        label=f"95 % by chance, {name}",
    )  # fmt: skip


def _observed(axes: Axes, one: pd.DataFrame, thin_events: int) -> None:
    ordered = one.sort_values("month")
    month, rate = pd.to_datetime(ordered["month"]), ordered["events"] / ordered["rows"]
    axes.plot(month, rate, color=INK, lw=1.1, label="observed")
    thin = ordered["events"] < thin_events
    axes.plot(month[~thin], rate[~thin], "o", color=INK, ms=4)
    if thin.any():
        label = f"fewer than {thin_events} events"
        axes.plot(month[thin], rate[thin], "o", color=INK, mfc="white", ms=5, label=label)


def _swarm(axes: Axes, found: Contributions, feature: int, height: int) -> None:
    values = found.values[:, feature]
    place = found.ranks(feature)
    missing = np.isnan(place)
    y = height + _spread(values)
    axes.scatter(
        values[missing], y[missing], s=5, color="#b4b9c0", lw=0, rasterized=True
    )  # fmt: skip
    axes.scatter(
        values[~missing], y[~missing], s=5, c=place[~missing], cmap="cividis",
        vmin=0, vmax=1, lw=0, rasterized=True,
    )  # fmt: skip


def _spread(values: FloatArray) -> FloatArray:
    """Stack dots of like value evenly around their line, more where there are more."""
    span = np.ptp(values) or 1.0
    cell = np.round(100 * (values - values.min()) / span)
    order = np.lexsort((np.arange(len(values)), cell))
    _, first, size = np.unique(cell[order], return_index=True, return_counts=True)
    within = np.arange(len(values)) - np.repeat(first, size)
    step = np.where(within % 2, 1, -1) * ((within + 1) // 2)
    spread = np.empty(len(values))
    spread[order] = step
    return np.asarray(0.4 * spread / max(np.abs(step).max(), 1), float)


def _value_bar(figure: Figure, axes: Axes) -> None:
    shade = mpl.cm.ScalarMappable(mpl.colors.Normalize(0, 1), "cividis")
    bar = figure.colorbar(shade, ax=axes, fraction=0.02, pad=0.02, aspect=40)
    bar.set_ticks([0, 1], labels=["low", "high"])
    bar.set_label("Value (grey: missing)", labelpad=-8)
    bar.outline.set_visible(False)


def _heat(figure: Figure, axes: Axes, grid: pd.DataFrame) -> None:
    edges = [0, PSI_LIMITS[0] / 2, PSI_LIMITS[0], *PSI_LIMITS[1:], 2 * PSI_LIMITS[1], 1e9]
    # Light to dark in one hue, so that it reads in grey too.
    shades = ListedColormap(
        ["#f4f6f8", "#dbe6f0", "#f6d9a8", "#e08a3c", "#8c2d04"], bad="#c9cdd2"
    )
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(grid.to_numpy(float)), cmap=shades,
        norm=BoundaryNorm(edges, shades.N), edgecolor="white", lw=0.6,
    )  # fmt: skip
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(grid)) + 0.5, [str(name) for name in grid.index])
    shown = range(0, grid.shape[1], -(-grid.shape[1] // 12))
    labels = [f"{pd.Timestamp(grid.columns[i]):%Y-%m}" for i in shown]
    axes.set_xticks([i + 0.5 for i in shown], labels, rotation=0, fontsize=8)
    axes.tick_params(length=0, labelcolor=INK)
    axes.grid(visible=False)
    axes.set_xlabel("Month")
    bar = figure.colorbar(
        mesh, ax=axes, fraction=0.025, pad=0.02, ticks=edges[1:-1], spacing="uniform"
    )
    bar.set_label("Population stability index (grey: none)")
    bar.outline.set_visible(False)


def _cohort_bar(figure: Figure, axes: Axes, cohorts: list[object]) -> None:
    shade = mpl.cm.ScalarMappable(mpl.colors.Normalize(0, 1), "cividis")
    # The lightest yellow would vanish on white; lines stop at 0.92 of the scale.
    shade.cmap = ListedColormap(mpl.colormaps["cividis"](np.linspace(0, 0.92, 128)))
    bar = figure.colorbar(shade, ax=axes, fraction=0.025, pad=0.02)
    shown = evenly(len(cohorts), 6)
    ends = max(len(cohorts) - 1, 1)
    bar.set_ticks(
        [i / ends for i in shown],
        labels=[f"{pd.Timestamp(cohorts[i]):%Y-%m}" for i in shown],  # type: ignore[arg-type]  # objects of a column of dates
    )
    bar.set_label("Month of disbursement")
    bar.outline.set_visible(False)


def _score_steps(axes: Axes, grid: pd.DataFrame) -> None:
    edges = _edges(grid.index.to_numpy(float))
    looks = {"good": (BLUE, "-"), "bad": (ORANGE, "--"), "unknown": (QUIET, ":")}
    for name, (colour, dashes) in looks.items():
        total = grid[name].sum()
        if total:
            axes.stairs(
                grid[name] / total, edges, color=colour, ls=dashes, lw=1.8,
                label=f"{name} ({total:,.0f})",
            )  # fmt: skip
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_xlabel("Score (points)")
    axes.set_ylabel("Share of its applications (%)")
    axes.legend(loc="best")


def _score_rates(axes: Axes, grid: pd.DataFrame) -> None:
    rows = grid["good"] + grid["bad"]
    low, high = wilson(grid["bad"], rows)
    centre = _centres(grid.index.to_numpy(float))
    usable = rows.to_numpy() > 0
    thin = grid["bad"].to_numpy() < THIN_EVENTS
    axes.vlines(centre[usable], low[usable], high[usable], color=ORANGE, lw=1.2)
    rate = (grid["bad"] / rows.where(rows > 0)).to_numpy(float)
    axes.plot(centre[usable & ~thin], rate[usable & ~thin], "o", color=ORANGE, ms=5)
    hollow = usable & thin
    axes.plot(centre[hollow], rate[hollow], "o", color=ORANGE, mfc="white", ms=5)
    top = float(np.nanmax(rate, initial=0.0)) * 1.3
    axes.set_ylim(0, min(max(0.01, top), 1.05))
    percent_axis(axes)
    axes.set_xlabel("Score (points)")
    axes.set_ylabel("Bad loans among good and bad (%)")
    if hollow.any():
        note_below(axes, f"Bars: 95 % Wilson. Hollow: fewer than {THIN_EVENTS} bad.")


def _edges(starts: FloatArray) -> FloatArray:
    width = float(np.diff(starts).min()) if len(starts) > 1 else 1.0
    return np.append(starts, starts[-1] + width)


def _centres(starts: FloatArray) -> FloatArray:
    width = float(np.diff(starts).min()) if len(starts) > 1 else 1.0
    return starts + width / 2


def _density(axes: Axes, counts: FloatArray, colour: str, rows: int | None) -> None:
    total, bands = np.nansum(counts), len(counts)
    density = counts / total * bands
    edges = np.linspace(0, 1, bands + 1)
    axes.stairs(density, edges, fill=True, color=colour, alpha=0.75)
    low, high = chance_band(1 / bands, rows or total)
    axes.axhspan(float(low) * bands, float(high) * bands, color=INK, alpha=0.15, lw=0)
    axes.axhline(1, color=INK, lw=1, ls=":")
    axes.set_ylim(0, max(1.25, float(np.nanmax(density)) * 1.1))
    axes.set_xlabel("Residual as a uniform (0 to 1)\nGrey: 95 % band of exact uniforms")


def _lags(axes: Axes, one: pd.DataFrame, kind: str, look: Style) -> None:
    axes.plot(
        one["lag"], one["value"], color=look.colour, ls=look.dashes, marker=look.marker,
        ms=5, label=kind,
    )  # fmt: skip
    if {"low", "high"} <= set(one.columns):
        axes.fill_between(
            one["lag"], one["low"], one["high"], color=look.colour, alpha=0.15, lw=0
        )  # fmt: skip
