"""The sections of the report: words, tables and pictures made from the findings."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import chi2
from scipy.stats import f as variance_law

from comove.risk_model import pictures
from comove.risk_model.canvas import unavailable
from comove.risk_model.card import figure_text, percent_text
from comove.risk_model.curves import (
    THIN_EVENTS,
    chance_band,
    gains,
    gap,
    has_both_classes,
    roc,
)
from comove.risk_model.explain import Contributions, importance
from comove.risk_model.findings import Findings

MOST_SEGMENTS = 40
# Chance passes for dependence in so many of all tests.
SIGNIFICANT = 0.01
MOST_FEATURES = 30


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Parameters
    ----------
    caption : str
        What it holds.
    head : tuple of str
        Columns; those from `texts` on hold numbers.
    rows : tuple of tuple of str
        Cells as they are shown.
    texts : int
        How many first columns hold text.
    thin : frozenset of int
        Places of rows with too few events, which are shown grey.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    thin: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Picture:
    """A figure of the page.

    Parameters
    ----------
    figure : Figure
        Itself.
    shows : str
        What one sees, for those who cannot.
    kind : str
        ``svg``, or ``png`` for thousands of dots.
    origin : str, optional
        Run, month and model version, where they are not those of the page.
    """

    figure: Figure
    shows: str
    kind: str = "svg"
    origin: str = ""


@dataclass(frozen=True)
class Section:
    """A section of the page; `name` is its anchor."""

    name: str
    title: str
    words: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()


def all_sections(
    findings: Findings,
    found: Contributions | None,
    why_no_shap: str,
    application: Mapping[str, Any],
) -> list[Section]:
    """Make every section, in the order of the page.

    Parameters
    ----------
    findings : Findings
        What the tables hold.
    found : Contributions or None
        SHAP values of the newest trees.
    why_no_shap : str
        Why there are none.
    application : mapping
        Parameters of the newest application model's record.

    Returns
    -------
    list of Section
        All of them, whatever is missing: what cannot be shown says why.
    """
    return [
        _summary(findings),
        _models(findings),
        _ranking(findings),
        _calibration(findings),
        _months(findings),
        _segments(findings),
        _shap(findings, found, why_no_shap),
        _stability(findings),
        _residuals(findings),
        _vintages(findings),
        _application(findings, application),
        checks_section(findings.checks),
        _registry(findings),
    ]


def _summary(findings: Findings) -> Section:
    if findings.in_force is None:
        return Section("summary", "Summary", tuple(_without_a_model(findings)))
    return Section("summary", "Summary", tuple(_with_a_model(findings)))


def _without_a_model(findings: Findings) -> Iterable[str]:
    yield (
        f"No model predicts a month up to {findings.month:%Y-%m}: not available for this "
        f"portfolio."
    )
    refused = findings.of_purpose("pd")["refused_because"].dropna().tolist()
    events, rows = findings.at_risk
    yield from refused[:3]
    if not refused:
        yield (
            f"It had {events:,} events in {rows:,} borrower-months at risk so far. Too "
            f"few events, or too short a history, leave nothing to learn from and to "
            f"test on; the run's record says which."
        )
    yield "What can be shown without a PD model follows."


def _with_a_model(findings: Findings) -> Iterable[str]:
    version, name = findings.in_force or ("", "")
    yield f"In {findings.month:%Y-%m} the {name} model {version} predicts."
    counts = findings.counts.get(name)
    if counts is None:
        return
    rows, events = int(counts["rows"].sum()), int(counts["events"].sum())
    expected = float((counts["pd"] * counts["rows"]).sum())
    yield (
        f"Out of time, {rows:,} borrower-months had {events:,} events "
        f"({percent_text(events / rows)}); {name} expected {expected:,.0f}"
        + (
            f", so {events / expected:.2f} happened for each one expected."
            if events
            else "."
        )
    )
    if has_both_classes(counts):
        caught = gains(counts)["share_of_events"].iloc[0]
        yield (
            f"It ranks with an AUC of {roc(counts).auc:.3f} and a KS of "
            f"{gap(counts).ks:.3f}; the riskiest tenth holds "
            f"{percent_text(caught)} of the events."
        )
    yield from _beyond_chance(findings, name)
    yield from _worst_shift(findings)
    refused = findings.of_run()["refused_because"].notna().sum()
    yield f"The gate refused {refused} of {len(findings.of_run())} models registered now."


def _beyond_chance(findings: Findings, name: str) -> Iterable[str]:
    months = findings.months[findings.months["algorithm"] == name]
    if months.empty:
        return
    rate = months["events"] / months["rows"]
    low, high = chance_band(months["expected"] / months["rows"], months["rows"])
    beyond = int(((rate < low) | (rate > high)).sum())
    yield (
        f"In {beyond} of {len(months)} months the event rate lay outside of what "
        f"independent borrowers would show in 19 of 20"
        + (
            ": events move together, or the level is off; the joint-risk stage tells."
            if beyond > 0.1 * len(months)
            else ": no more than chance explains, or little more."
        )
    )


def _worst_shift(findings: Findings) -> Iterable[str]:
    known = _finite(findings.stability, "psi")
    if len(known):
        worst = known.nlargest(1, "psi").to_dict("records")[0]
        shifted = known[known["psi"] > pictures.PSI_LIMITS[1]]["feature"].nunique()
        yield (
            f"{shifted} of {known['feature'].nunique()} features shifted in some month: "
            f"the largest population stability index is "
            f"{worst['psi']:.2f} ({worst['feature']}, "
            f"{pd.Timestamp(worst['month']):%Y-%m})."
        )


def _models(findings: Findings) -> Section:
    newest = findings.of_purpose("pd")
    if len(newest):
        first = newest["first_month_predicted"].max()
        newest = newest[newest["first_month_predicted"] == first]
    rows = tuple(_model_row(one) for one in newest.to_dict("records"))
    table = Table(
        "The newest models of the PD, by algorithm. Validation: months of the training "
        "window held out; out of time: months predicted since.",
        (
            "Model version", "Algorithm", "Status", "Gate", "Rows trained", "Events",
            "Log loss, validation", "AUC, validation", "Log loss, out of time",
            "AUC, out of time", "Slope, out of time",
        ),
        rows,
        texts=4,
    )  # fmt: skip
    words = () if rows else ("not available: no model of the PD is registered.",)
    tables = [table] if rows else []
    overall = _overall(findings)
    tables += [overall] if overall.rows else []
    return Section("models", "Champion and challengers", words, tables=tuple(tables))


def _model_row(row: Mapping[Any, Any]) -> tuple[str, ...]:
    told = json.loads(row["metrics"] or "{}")
    before, since = told.get("validation") or {}, told.get("out_of_time") or {}
    checks = told.get("gate") or []
    failed = [one["name"] for one in checks if not one["success"]]
    passed = f"{len(checks) - len(failed)} of {len(checks)} checks passed"
    return (
        str(row["model_version"]),
        str(row["algorithm"]),
        str(row["status"]),
        passed + (f"; not: {'; '.join(failed)}" if failed else ""),
        f"{int(row['rows_trained']):,}",
        f"{int(row['events_trained']):,}",
        figure_text(before.get("log_loss"), 5),
        figure_text(before.get("auc")),
        figure_text(since.get("log_loss"), 5),
        figure_text(since.get("auc")),
        figure_text(since.get("calibration_slope"), 2),
    )


_HEAD = (
    "Rows", "Events", "Observed", "Expected", "Events / expected", "Log loss", "AUC",
    "KS",
)  # fmt: skip


def _performance(
    caption: str, frame: pd.DataFrame, head: tuple[str, ...], columns: list[str]
) -> Table:
    shown = [_performed(one, columns) for one in frame.to_dict("records")]
    thin = frozenset(i for i, few in enumerate(frame["events"] < THIN_EVENTS) if few)
    return Table(caption, head + _HEAD, tuple(shown), len(columns), thin)


def _performed(one: Mapping[Any, Any], columns: list[str]) -> tuple[str, ...]:
    rows, events, expected = one["rows"], one["events"], one["expected"]
    return (
        *(_label(one[column]) for column in columns),
        f"{rows:,.0f}",
        f"{events:,.0f}",
        percent_text(events / rows if rows else None),
        percent_text(expected / rows if rows else None),
        figure_text(events / expected if expected else None, 2),
        figure_text(one.get("log_loss"), 5),
        figure_text(one.get("auc")),
        figure_text(one.get("ks")),
    )


def _label(value: Any) -> str:
    return f"{value:%Y-%m}" if isinstance(value, pd.Timestamp) else str(value)


def _of_kind(findings: Findings, *, is_all: bool) -> pd.DataFrame:
    frame = findings.windows
    if frame.empty:
        return pd.DataFrame(columns=["algorithm", "segment_kind", "rows", "events"])
    return frame[(frame["segment_kind"] == "all") == is_all]


def _overall(findings: Findings) -> Table:
    whole = _of_kind(findings, is_all=True)
    ordered = whole.sort_values("log_loss") if len(whole) else whole
    return _performance(
        "Over all predicted months, out of time; the least log loss first.",
        ordered,
        ("Algorithm",),
        ["algorithm"],
    )


def _ranking(findings: Findings) -> Section:
    counts, origin = findings.ordered_counts, findings.origin
    name = next(iter(counts), "")
    first = counts.get(name, _no_counts())
    return Section(
        "ranking",
        "Ranking: ROC, KS and gains",
        (
            "How well the PDs order borrowers; the level does not matter here. A "
            "gap of 0 is no order at all.",
        ),
        (
            Picture(pictures.roc_picture(counts, origin), "ROC curve of each algorithm"),
            Picture(pictures.ks_picture(first, name or "PD", origin), "KS plot"),
            Picture(pictures.gains_picture(counts, origin), "Cumulated gains and lift"),
        ),
        (_gains(first, name),) if has_both_classes(first) else (),
    )


def _no_counts() -> pd.DataFrame:
    return pd.DataFrame({"pd": [], "rows": [], "events": []})


def _gains(counts: pd.DataFrame, name: str) -> Table:
    table = gains(counts)
    rows = tuple(
        (
            f"{one['band']:.0f}",
            percent_text(one["pd"]),
            f"{one['rows']:,.0f}",
            f"{one['events']:,.0f}",
            percent_text(one["observed"]),
            figure_text(one["lift"], 2),
            percent_text(one["share_of_rows"]),
            percent_text(one["share_of_events"]),
        )
        for one in table.to_dict("records")
    )
    head = (
        "Band", "Mean PD", "Rows", "Events", "Observed", "Lift", "Rows so far",
        "Events so far",
    )  # fmt: skip
    thin = frozenset(i for i, few in enumerate(table["events"] < THIN_EVENTS) if few)
    caption = f"Gains of {name}, riskiest band first; bands of about equal rows."
    return Table(caption, head, rows, 1, thin)


def _calibration(findings: Findings) -> Section:
    figure = pictures.calibration_picture(findings.ordered_counts, findings.origin)
    return Section(
        "calibration",
        "Calibration",
        (
            "Whether so many events happen as were predicted. All months are pooled, and "
            "borrowers of a month move together, so the true intervals are wider.",
        ),
        (Picture(figure, "Observed against predicted event rate by band of PD"),),
    )


def _months(findings: Findings) -> Section:
    months, champion, origin = findings.months, findings.champion, findings.origin
    tables: tuple[Table, ...] = ()
    if len(months):
        shown = months[months["algorithm"] == (champion or months["algorithm"].iloc[0])]
        shown = shown.sort_values("month", ascending=False)
        caption = "By month, newest first."
        tables = (_performance(caption, shown, ("Month",), ["month"]),)
    return Section(
        "months",
        "Performance by month",
        ("Every prediction was made by a model trained on earlier months only.",),
        (
            Picture(
                pictures.months_picture(months, champion, origin),
                "Observed and expected event rate by month",
            ),
            Picture(
                pictures.measures_picture(months, origin), "Log loss, AUC, KS by month"
            ),
        ),
        tables,
    )


def _segments(findings: Findings) -> Section:
    frame = _of_kind(findings, is_all=False)
    if findings.champion:
        frame = frame[frame["algorithm"] == findings.champion]
    if frame.empty:
        return Section("segments", "Segments", ("not available: nothing was predicted.",))
    shown = frame.groupby("segment_kind", sort=False).head(MOST_SEGMENTS)
    left = len(frame) - len(shown)
    table = _performance(
        "By region, industry and kind of borrower, largest first.",
        shown,
        ("Kind", "Segment"),
        ["segment_kind", "segment"],
    )
    note = (
        f"Grey: fewer than {THIN_EVENTS} events, from which nothing is to be concluded."
    )
    more = (f"{left} smaller segments are left out.",) if left else ()
    return Section("segments", "Segments", (note, *more), tables=(table,))


def _shap(findings: Findings, found: Contributions | None, why_no_shap: str) -> Section:
    title, origin = "What moves the predictions", findings.origin
    if found is None or not len(found.values):
        why = why_no_shap or "no rows to explain"
        missing = unavailable("SHAP values", why, origin)
        return Section("shap", title, (), (Picture(missing, "not available"),))
    table = importance(found).head(MOST_FEATURES)
    rows = tuple(
        (
            str(one["feature"]),
            figure_text(one["mean_abs_shap"], 4),
            percent_text(one["share"]),
            figure_text(one["effect"], 2),
        )
        for one in table.to_dict("records")
    )
    return Section(
        "shap",
        title,
        (
            "SHAP values of the boosted trees for newly predicted borrowers. They "
            "describe the model, not causes.",
        ),
        (
            Picture(
                pictures.shap_picture(found, origin), "Beeswarm of SHAP values", "png"
            ),
        ),
        (
            Table(
                "Mean absolute SHAP value (log-odds); direction: rank correlation of "
                "value and contribution, +1 where more is always riskier.",
                ("Feature", "Mean size", "Share", "Direction"),
                rows,
            ),
        ),
    )


def _stability(findings: Findings) -> Section:
    figure = pictures.psi_picture(findings.stability, findings.origin)
    known = _finite(findings.stability, "psi")
    tables: tuple[Table, ...] = ()
    if len(known):
        worst = known.sort_values("psi", ascending=False).drop_duplicates("feature")
        rows = tuple(
            (
                str(one["feature"]),
                f"{pd.Timestamp(one['month']):%Y-%m}",
                _shift_words(one["psi"]),
                figure_text(one["psi"]),
            )
            for one in worst.head(MOST_FEATURES).to_dict("records")
        )
        head = ("Feature", "Worst month", "Reading", "Stability index")
        tables = (Table("Worst month of each feature.", head, rows, texts=3),)
    return Section(
        "stability",
        "Stability of the features",
        (
            "Population stability index against the baseline months: below 0.1 stable, "
            "above 0.25 shifted.",
        ),
        (Picture(figure, "Stability index by feature and month", "png"),),
        tables,
    )


def _shift_words(psi: float) -> str:
    watch, shifted = pictures.PSI_LIMITS
    return "shifted" if psi > shifted else ("watch" if psi > watch else "stable")


def _residuals(findings: Findings) -> Section:
    lags = _lags(findings.dependence)
    origin = findings.origin
    tables = [_uniformity(findings.uniformity), _dependence(findings.dependence)]
    return Section(
        "residuals",
        "Residuals",
        (
            "A residual that is uniform says the PD has the right level and spread. "
            "What is left over in common says that borrowers move together.",
            *_dependence_words(findings.dependence),
        ),
        (
            Picture(
                pictures.uniformity_picture(
                    findings.residuals_before, findings.residuals_after, origin
                ),
                "Histograms of the residuals before and after the distribution function",
            ),
            Picture(
                pictures.dependence_picture(lags, origin), "Serial correlation by lag"
            ),
        ),
        tuple(table for table in tables if table.rows),
    )


def _lags(dependence: pd.DataFrame) -> pd.DataFrame:
    if dependence.empty:
        return pd.DataFrame()
    serial = dependence[dependence["dependence"] == "serial"]
    half = 1.96 * serial["standard_error"]
    words = {"borrower": "same borrower", "portfolio": "mean of all borrowers"}
    return pd.DataFrame(
        {
            "kind": serial["scope"].map(words).fillna(serial["scope"]),
            "lag": serial["lag_months"],
            "value": serial["correlation"],
            "low": (serial["correlation"] - half).clip(-1, 1),
            "high": (serial["correlation"] + half).clip(-1, 1),
        }
    )


_SCOPES = {
    "month": "all borrowers of a month",
    "month_region": "a region's of a month",
    "month_industry": "an industry's of a month",
    "month_region_industry": "a region and industry's of a month",
    "borrower": "a borrower's own",
    "portfolio": "mean of all borrowers",
}


def _dependence_words(dependence: pd.DataFrame) -> Iterable[str]:
    if dependence.empty:
        return
    cross = dependence[dependence["dependence"] != "serial"].to_dict("records")
    for one in cross:
        if pd.isna(one["correlation"]):
            continue
        place = _SCOPES.get(str(one["scope"]), str(one["scope"]))
        yield f"Residuals of {place}: {_alike(one)}.{_dispersed(one)}"


def _alike(one: Mapping[Any, Any]) -> str:
    """Tell how alike the scores of a cell are, and how far chance explains it."""
    told = f"two of them correlate {_significant(one['correlation'])} on average"
    p = _f_test(one)
    if p is None:
        return told
    return (
        f"{told} (F = {one['f_statistic']:.2f} on {one['degrees_between']:,.0f} and "
        f"{one['degrees_within']:,.0f} degrees of freedom, {_p_text(p)}); with rare "
        f"events most of a residual is drawn, so this is small"
    )


def _dispersed(one: Mapping[Any, Any]) -> str:
    """Tell how much more the counts vary than those of independent borrowers."""
    p = _dispersion_test(one)
    if p is None:
        return ""
    verdict = (
        "They move together" if p < SIGNIFICANT else "That is no more than chance shows"
    )
    ratio, cells = one["variance_ratio"], one["n_groups"]
    return (
        f" Their event counts, at the level of {one['level_ratio']:.2f} events for each "
        f"one expected, vary {ratio:.1f} times as much as independent ones "
        f"({one['variance_ratio_as_predicted']:.1f} times with the level as predicted; "
        f"chi-squared = {ratio * cells:,.0f} on {cells - 1:,.0f} degrees of freedom, "
        f"{_p_text(p)}). {verdict}."
    )


def _f_test(one: Mapping[Any, Any]) -> float | None:
    names = ("f_statistic", "degrees_between", "degrees_within")
    if any(pd.isna(one[name]) for name in names):
        return None
    return float(variance_law.sf(*(float(one[name]) for name in names)))


def _dispersion_test(one: Mapping[Any, Any]) -> float | None:
    """Test the counts as Pearson's chi-squared does, the level being estimated."""
    ratio, cells = one["variance_ratio"], one["n_groups"]
    if pd.isna(ratio) or pd.isna(cells) or cells < 2:
        return None
    return float(chi2.sf(float(ratio) * cells, cells - 1))


def _significant(value: float, digits: int = 2) -> str:
    """Write a small number with so many digits that say something, never as 0.0000."""
    if not value:
        return "0"
    decimals = max(4, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 12)}f}"


def _p_text(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}"


def _p_cell(p: float | None) -> str:
    if p is None or pd.isna(p):
        return "-"
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _uniformity(uniformity: pd.DataFrame) -> Table:
    head = (
        "Kind", "Segment", "Rows", "Events", "KS before", "p before", "KS after",
        "p after",
    )  # fmt: skip
    caption = (
        "Distance from uniform, before and after the distribution function; p takes "
        "rows as independent, which they are not. Single months are left out."
    )
    if uniformity.empty:
        return Table(caption, head, (), 2)
    shown = uniformity[uniformity["segment_kind"] != "month"]
    shown = shown.groupby("segment_kind", sort=False).head(MOST_SEGMENTS)
    rows = tuple(
        (
            str(one["segment_kind"]),
            str(one["segment"]),
            f"{one['n']:,.0f}",
            f"{one['events']:,.0f}",
            figure_text(one["ks_statistic"], 4),
            _p_cell(one["p_value"]),
            figure_text(one["ks_statistic_uniform"], 4),
            _p_cell(one["p_value_uniform"]),
        )
        for one in shown.to_dict("records")
    )
    thin = frozenset(i for i, few in enumerate(shown["events"] < THIN_EVENTS) if few)
    return Table(caption, head, rows, 2, thin)


def _dependence(dependence: pd.DataFrame) -> Table:
    head = (
        "Kind", "Among", "Lag (months)", "Pairs or rows", "Correlation", "s.e.", "F", "p",
        "Level", "Variance ratio", "p", "As predicted",
    )  # fmt: skip
    caption = (
        "Dependence left over. Level: events for each one expected. Variance ratio: of "
        "event counts, over independence, at that level; as predicted: at a level of 1."
    )
    if dependence.empty:
        return Table(caption, head, (), 2)
    rows = tuple(_dependence_row(one) for one in dependence.to_dict("records"))
    return Table(caption, head, rows, 2)


def _dependence_row(one: Mapping[Any, Any]) -> tuple[str, ...]:
    def small(value: float) -> str:
        return "-" if pd.isna(value) else _significant(value)

    return (
        str(one["dependence"]).replace("_", " "),
        _SCOPES.get(str(one["scope"]), str(one["scope"])),
        figure_text(one["lag_months"], 0),
        f"{one['n']:,.0f}",
        small(one["correlation"]),
        small(one["standard_error"]),
        figure_text(one["f_statistic"], 2),
        _p_cell(_f_test(one)),
        figure_text(one["level_ratio"], 2),
        figure_text(one["variance_ratio"], 2),
        _p_cell(_dispersion_test(one)),
        figure_text(one["variance_ratio_as_predicted"], 2),
    )


def _vintages(findings: Findings) -> Section:
    figure = pictures.vintage_picture(findings.vintages, _plain_origin(findings))
    words = (
        "Loans by quarter of disbursement. A curve ends where its youngest loan does.",
    )
    origin = _plain_origin(findings)
    shown = (Picture(figure, "Loans with an event by months on book", origin=origin),)
    return Section("vintages", "Vintages", words, shown)


def _plain_origin(findings: Findings, model: str = "none") -> str:
    return f"run {findings.run_id} · month {findings.month:%Y-%m} · model {model}"


def _application(findings: Findings, parameters: Mapping[str, Any]) -> Section:
    newest = findings.of_purpose("application")
    version = str(newest["model_version"].iloc[0]) if len(newest) else "none"
    origin = _plain_origin(findings, version)
    tables = (
        _rivals(newest),
        *_score_gains(findings),
        _moved(parameters.get("importance") or {}),
        _shifted((parameters.get("figures") or {}).get("feature_psi") or {}),
    )
    return Section(
        "application",
        "Application score",
        tuple(_score_words(findings)),
        tuple(_score_pictures(findings, origin)),
        tuple(table for table in tables if table.rows),
    )


def _score_words(findings: Findings) -> Iterable[str]:
    yield (
        "Trained on accepted loans only: scores of those who were refused are "
        "extrapolations."
    )
    parts = [
        f"{counts['rows'].sum():,.0f} {name} (AUC {roc(counts).auc:.4f}, "
        f"KS {gap(counts).ks:.4f})"
        for name, counts in findings.score_counts.items()
        if has_both_classes(counts)
    ]
    if parts:
        yield (
            f"Of the applications with known outcomes, none of which its model had seen, "
            f"{' and '.join(parts)}. The table of models compares all of them together."
        )


def _score_pictures(findings: Findings, origin: str) -> Iterable[Picture]:
    figure = pictures.score_picture(findings.scores, origin)
    yield Picture(figure, "Score of good and bad loans", origin=origin)
    every = findings.all_scores
    if every.empty:
        return
    lines = dict(findings.score_counts)
    if len(lines) > 1:
        lines["all"] = every
    how = " and ".join(findings.score_counts)
    figure = pictures.roc_picture(lines, origin, "applications")
    yield Picture(figure, f"ROC curve of the score, {how}", origin=origin)
    label, unit = "application score", "Probability of bad"
    figure = pictures.ks_picture(every, label, origin, unit, "applications")
    yield Picture(figure, f"KS plot of the score, {how}", origin=origin)


def _score_gains(findings: Findings) -> Iterable[Table]:
    if has_both_classes(findings.all_scores):
        yield _gains(findings.all_scores, "application score")


def _moved(importance_of: Mapping[str, float]) -> Table:
    known = {name: size for name, size in importance_of.items() if size}
    total = sum(known.values())
    largest = sorted(known, key=lambda name: -known[name])[:MOST_FEATURES]
    return Table(
        "What moves the application score: mean absolute contribution (log-odds) of each "
        "feature, SHAP values of the trees and points of the logit together.",
        ("Feature", "Mean size", "Share"),
        tuple(
            (name, figure_text(known[name], 4), percent_text(known[name] / total))
            for name in largest
        ),
    )


def _shifted(psi: Mapping[str, float | None]) -> Table:
    known = {name: float(value) for name, value in psi.items() if value is not None}
    worst = sorted(known, key=lambda name: -known[name])[:MOST_FEATURES]
    return Table(
        "Features of the application model: population stability index of the newest "
        "third of the applications trained on against the others.",
        ("Feature", "Reading", "Stability index"),
        tuple(
            (name, _shift_words(known[name]), figure_text(known[name])) for name in worst
        ),
        texts=2,
    )


def _rivals(newest: pd.DataFrame) -> Table:
    lines: list[dict[str, Any]] = []
    for text in newest["metrics"]:
        lines = json.loads(text or "{}").get("all_models_out_of_sample") or []
        if lines:
            break
    rows = tuple(
        (
            str(one.get("model", "")).replace("_", " "),
            f"{one.get('applications') or 0:,}",
            f"{one.get('bad') or 0:,}",
            figure_text(one.get("auc"), 4),
            figure_text(one.get("auc_standard_error"), 4),
            figure_text(one.get("ks"), 4),
            figure_text(one.get("log_loss"), 5),
            figure_text(one.get("calibration_slope"), 2),
            figure_text(one.get("auc_below_own"), 4),
            figure_text(one.get("difference_standard_error"), 4),
        )
        for one in lines
    )
    return Table(
        "Out of sample, the same applications for all: own against plain models with the "
        "same features.",
        (
            "Model", "Applications", "Bad", "AUC", "s.e.", "KS", "Log loss", "Slope",
            "AUC below own", "s.e. of it",
        ),
        rows,
    )  # fmt: skip


def checks_section(checks: pd.DataFrame) -> Section:
    """Show the checks of a run's gates.

    Parameters
    ----------
    checks : DataFrame
        ``stage``, ``check_name``, ``severity``, ``success``, ``observed``, ``expected``
        of ``audit.quality_result``.
    """
    rows = tuple(
        (
            _outcome(one),
            str(one["stage"]),
            str(one["check_name"]),
            str(one["severity"]),
            str(one["observed"] or ""),
            str(one["expected"] or ""),
        )
        for one in checks.to_dict("records")
    )
    head = ("Result", "Gate", "Check", "Severity", "Observed", "Expected")
    table = Table("Checks of this run, failures first.", head, rows, texts=6)
    words = () if rows else ("not available: no check was recorded for this run.",)
    return Section("gates", "Gates of this run", words, (), (table,) if rows else ())


def _outcome(one: Mapping[Any, Any]) -> str:
    if one["success"]:
        is_absent = str(one["observed"] or "").startswith("not available")
        return "not available" if is_absent else "passed"
    return {"critical": "failed", "warning": "warning"}.get(str(one["severity"]), "noted")


def _registry(findings: Findings) -> Section:
    rows = tuple(
        (
            str(one["model_version"]),
            str(one["purpose"]),
            str(one["algorithm"]),
            str(one["status"]),
            _span(one["trained_from"], one["trained_to"]),
            _month(one["first_month_predicted"]),
            str(one["data_hash"])[:12],
            str(one["refused_because"])
            if isinstance(one["refused_because"], str)
            else "",
            f"{int(one['rows_trained']):,}",
            f"{int(one['events_trained']):,}",
        )
        for one in findings.registry.to_dict("records")
    )
    head = (
        "Model version", "Purpose", "Algorithm", "Status", "Trained on", "Predicts from",
        "Data hash", "Refused because", "Rows", "Events",
    )  # fmt: skip
    words = () if rows else ("not available: no model is registered.",)
    table = Table("Every model version known by this month, newest first.", head, rows, 8)
    return Section("registry", "Registry", words, (), (table,) if rows else ())


def _span(first: Any, last: Any) -> str:
    return f"{_month(first)} to {_month(last)}"


def _month(value: Any) -> str:
    return "-" if value is None or pd.isna(value) else f"{pd.Timestamp(value):%Y-%m}"


def _finite(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame[frame[column].notna()] if column in frame else frame.iloc[:0]
