"""The page of a recalibration: how the score holds, why it drifted, what is proposed."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from comove.connection import connect_serving
from comove.portfolio import load_portfolio
from comove.recalibration.candidates import NO_BANDS
from comove.recalibration.report_facts import RecalibrationFacts, read_facts
from comove.recalibration.report_pictures import cutoff_picture, performance_picture
from comove.recalibration.versions import IN_FORCE, PROPOSED
from comove.risk_model.card import figure_text, percent_text
from comove.risk_model.page import Heading, write_month
from comove.risk_model.sections import Picture, Section, Table, checks_section
from comove.settings import Settings


def write_report(settings: Settings, *, run_id: str, month: dt.date) -> dict[str, Any]:
    """Write the page of a month from the published copy.

    Parameters
    ----------
    settings : Settings
        Say which home; bounds are shown beside what was found.
    run_id : str
        Run reported.
    month : date
        Month assessed, first day.

    Returns
    -------
    dict
        ``page``, ``reports/recalibration/<YYYY-MM>/index.html``, relative to the home;
        one of an earlier run of the month is replaced. ``findings``: sentences it says.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    portfolio = load_portfolio(settings.portfolio).title
    with connect_serving(settings) as connection:
        facts = read_facts(connection, portfolio=portfolio, run_id=run_id, month=month)
    heading = Heading("Recalibration", portfolio, run_id, month, _strategy_of(facts))
    sections = all_sections(facts, settings, heading.origin)
    return write_month(settings.places, "recalibration", heading, sections)


def all_sections(
    facts: RecalibrationFacts, settings: Settings, origin: str
) -> list[Section]:
    """Make every section, in the order of the page.

    Parameters
    ----------
    facts : RecalibrationFacts
        What the tables hold.
    settings : Settings
        Bounds.
    origin : str
        Run, month and strategy, for the pictures.
    """
    return [
        Section("summary", "Findings", tuple(findings(facts))),
        _performance(facts, settings, origin),
        _factors(facts),
        _candidates(facts, origin),
        _strategy(facts),
        checks_section(facts.checks),
    ]


def findings(facts: RecalibrationFacts) -> Iterable[str]:
    """Say in sentences what was found, and what waits for whom.

    Parameters
    ----------
    facts : RecalibrationFacts
        What the tables hold.
    """
    if facts.assessment is None:
        yield "The month was not assessed."
    else:
        is_postponed = "postponed" in set(facts.candidates.get("status", ()))
        yield from _assessed(facts.assessment, is_postponed=is_postponed)
        if is_postponed:
            yield (
                "Something is surely better than what is in force. It is proposed once "
                "somebody has decided on the version that is to be restored."
            )
    if waiting := facts.version(PROPOSED):
        yield (
            f"Version {waiting['version']} of the strategy waits for a person's "
            "approval, under Required Actions of the run."
        )
    if now := facts.version(IN_FORCE):
        yield f"In force: version {now['version']}. {now['why']}"


def _assessed(assessment: Mapping[str, Any], *, is_postponed: bool) -> Iterable[str]:
    yield assessment["calls"] or "Nothing calls for a change."
    if pd.notna(assessment["drift_from"]):
        yield f"Main factor of the newest drift: {assessment['main_factor']}."
    if isinstance(assessment["why_none"], str):
        why = assessment["why_none"]
        yield why if why.startswith(NO_BANDS) else f"No candidate was tried. {why}"
    elif assessment["calls"] and pd.isna(assessment["version"]) and not is_postponed:
        yield "No candidate is surely better than what is in force: nothing is proposed."


def _strategy_of(facts: RecalibrationFacts) -> str | None:
    now = facts.version(IN_FORCE)
    return f"strategy {now['version']}" if now else None


def _performance(facts: RecalibrationFacts, settings: Settings, origin: str) -> Section:
    low, high = settings.recalibration_ks_low, settings.recalibration_ks_high
    rows = facts.performance
    tables = []
    if len(rows):
        ordered = rows.sort_values(["span", "cohort_from"], ascending=[False, False])
        tables = [_performance_table(ordered)]
    return Section(
        "performance",
        "What the score foretold, and what became of loans",
        (
            f"KS below {low:g}: the score does not discriminate; up to {high:g}: it "
            f"works; above: too good to be true. Bad loans may be up to "
            f"{settings.recalibration_max_bad_ratio:g} times more or fewer than "
            "predicted. Only what lies outside with its whole interval counts.",
        ),
        (
            Picture(
                performance_picture(facts.months, settings, origin),
                "Bad loans over predicted ones and KS, by cohort month",
            ),
        ),
        tuple(tables),
    )


def _performance_table(rows: pd.DataFrame) -> Table:
    return _table(
        "The window candidates are tried on first, then cohorts, newest first.",
        rows,
        (
            "Cohorts", "Band of KS", "Sure", "Loans", "Bad", "Predicted bad",
            "Observed / predicted", "95 %", "KS", "95 %",
        ),
        _cohorts,
        lambda row: str(row["ks_band"]),
        lambda row: "yes" if row["is_band_sure"] else "no",
        lambda row: f"{row['loans']:,.0f}",
        lambda row: f"{row['bad_loans']:,.0f}",
        lambda row: figure_text(_number(row["predicted_bad"]), 1),
        lambda row: figure_text(_number(row["bad_ratio"]), 2),
        lambda row: _between(row["ratio_low"], row["ratio_high"], 2),
        lambda row: figure_text(_number(row["ks"]), 3),
        lambda row: _between(row["ks_low"], row["ks_high"], 3),
        texts=3,
    )  # fmt: skip


def _cohorts(row: Mapping[Any, Any]) -> str:
    first, last = f"{row['cohort_from']:%Y-%m}", f"{row['cohort_to']:%Y-%m}"
    return first if row["span"] == "month" else f"{first} to {last}"


def _factors(facts: RecalibrationFacts) -> Section:
    words = (
        "Adjustments dated after the drift before, up to the end of this one. The gap "
        "lies between the share of good applications the score foretells and the share "
        "observed, among those exposed; the main factor has the largest gap weighted by "
        "magnitude. Coincidence in time is no proof of a cause.",
    )
    if facts.factors.empty:
        return Section("factors", "Which factor the drift belongs to", (
            *words, "Nothing was adjusted between two drifts, or there is no drift.",
        ))  # fmt: skip
    first = facts.factors.iloc[0]
    table = _table(
        f"Drift at {first['stage'].replace('_', ' ')} ({first['label']} label), "
        f"{first['drift_from']:%Y-%m} to {first['drift_to']:%Y-%m}.",
        facts.factors,
        (
            "Factor", "Main", "Adjustments", "Magnitude", "Weight", "Exposed",
            "Gap", "Gap times weight",
        ),
        lambda row: str(row["factor"]),
        lambda row: "main factor" if row["is_main"] else "",
        lambda row: f"{row['adjustments']:,.0f}",
        lambda row: figure_text(row["magnitude"], 2),
        lambda row: percent_text(row["weight"]),
        lambda row: f"{row['exposed_applications']:,.0f}",
        lambda row: figure_text(row["gap"], 3),
        lambda row: figure_text(row["weighted_gap"], 3),
        texts=2,
    )  # fmt: skip
    return Section("factors", "Which factor the drift belongs to", words, (), (table,))


def _candidates(facts: RecalibrationFacts, origin: str) -> Section:
    tables = []
    if len(facts.candidates):
        tables = [_candidate_table(facts.candidates)]
    return Section(
        "candidates",
        "Candidates and their effects",
        (
            "Tried on mature loans. A cut-off's effect is what they would have earned, "
            "in per cent of what was lent, against the one in force; bands' is the log "
            "loss they save, in thousandths of a nat a loan. Intervals hold for all "
            "candidates of a kind at once. Loans that were never paid out have no "
            "outcome, and none is invented.",
        ),
        (
            Picture(
                cutoff_picture(facts.candidates, origin), "Effect of each cut-off tried"
            ),
        ),
        tuple(tables),
    )


def _candidate_table(rows: pd.DataFrame) -> Table:
    scale = rows["kind"].map({"cutoff": 100.0, "bands": 1000.0})
    scaled = rows.assign(
        effect=rows["effect"] * scale,
        effect_low=rows["effect_low"] * scale,
        effect_high=rows["effect_high"] * scale,
    ).sort_values(["kind", "effect"], ascending=[False, False])
    return _table(
        "Best first.",
        scaled,
        ("Candidate", "Status", "Bands from", "Loans", "Bad", "Effect", "95 %"),
        lambda row: str(row["candidate"]),
        lambda row: str(row["status"]),
        lambda row: str(row["edges"]) or "-",
        lambda row: f"{row['loans']:,.0f}",
        lambda row: f"{row['bad_loans']:,.0f}",
        lambda row: f"{row['effect']:+.3f}",
        lambda row: _between(row["effect_low"], row["effect_high"], 3),
        texts=3,
    )


def _strategy(facts: RecalibrationFacts) -> Section:
    tables = []
    for status in (IN_FORCE, PROPOSED):
        if (version := facts.version(status)) is not None:
            tables.append(_band_table(facts.bands, int(version["version"]), status))
    if len(facts.versions):
        tables.append(_version_table(facts.versions))
    return Section(
        "strategy",
        "The strategy and its versions",
        (
            "A proposed version comes into force only once a person approves it. Old "
            "versions stay; the form of the DAG brings one back.",
        ),
        (),
        tuple(tables),
    )


def _band_table(bands: pd.DataFrame, version: int, status: str) -> Table:
    return _table(
        f"Version {version}, {status}.",
        bands[bands["version"] == version],
        ("Band", "Action", "From", "Below", "Limit factor"),
        lambda row: str(row["band"]),
        lambda row: str(row["action"]),
        lambda row: figure_text(_number(row["score_from"]), 2),
        lambda row: figure_text(_number(row["score_to"]), 2),
        lambda row: figure_text(row["limit_factor"], 2),
        texts=2,
    )


def _version_table(versions: pd.DataFrame) -> Table:
    return _table(
        "Versions, newest first.",
        versions,
        ("Version", "Status", "Origin", "Based on", "Why", "Decided by", "Reason"),
        lambda row: str(row["version"]),
        lambda row: str(row["status"]),
        lambda row: str(row["origin"]),
        lambda row: "-" if pd.isna(row["based_on"]) else f"{row['based_on']:.0f}",
        lambda row: str(row["why"]),
        lambda row: row["decided_by"] if isinstance(row["decided_by"], str) else "-",
        lambda row: row["reason"] if isinstance(row["reason"], str) else "-",
        texts=7,
    )


def _table(
    caption: str,
    frame: pd.DataFrame,
    head: tuple[str, ...],
    *cells: Callable[[Mapping[Any, Any]], str],
    texts: int,
) -> Table:
    rows = tuple(tuple(cell(row) for cell in cells) for row in frame.to_dict("records"))
    return Table(caption, head, rows, texts)


def _between(low: Any, high: Any, digits: int) -> str:
    if pd.isna(low) or pd.isna(high):
        return "-"
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
