"""The page of a month's overdue grades."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pandas as pd

from comove.connection import connect_serving
from comove.overdue_grade.report_facts import GradeFacts, read_facts
from comove.overdue_grade.report_pictures import (
    distribution_picture,
    transition_picture,
)
from comove.portfolio import load_portfolio
from comove.risk_model.card import figure_text, percent_text
from comove.risk_model.page import Heading, write_month
from comove.risk_model.sections import Picture, Section, Table, checks_section
from comove.settings import Settings

_NOTHING = "no point has been graded up to this month"
_A_YEAR = 12


def write_report(settings: Settings, *, run_id: str, month: dt.date) -> dict[str, Any]:
    """Write the page of a month from the published copy.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Run reported.
    month : date
        First day of its month.

    Returns
    -------
    dict
        ``page``, ``reports/overdue_grade/<YYYY-MM>/index.html``, relative to the home;
        one of an earlier run of the month is replaced. ``findings``: sentences it says.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    portfolio = load_portfolio(settings.portfolio).title
    with connect_serving(settings) as connection:
        facts = read_facts(connection, portfolio=portfolio, run_id=run_id, month=month)
    heading = Heading("Overdue grades", portfolio, run_id, month)
    sections = all_sections(facts, heading.origin)
    return write_month(settings.places, "overdue_grade", heading, sections)


def all_sections(facts: GradeFacts, origin: str) -> list[Section]:
    """Make every section, in the order of the page.

    Parameters
    ----------
    facts : GradeFacts
        What the tables hold.
    origin : str
        Run and month, for the pictures.

    Returns
    -------
    list of Section
        All of them, whatever is missing: what cannot be shown says why.
    """
    return [
        Section("summary", "Findings", tuple(findings(facts))),
        _distribution(facts, origin),
        _moves(facts, origin),
        _rules(facts),
        checks_section(facts.checks),
    ]


def findings(facts: GradeFacts) -> Iterable[str]:
    """Say in sentences how borrowers stand, and how many got worse.

    Parameters
    ----------
    facts : GradeFacts
        What the tables hold.
    """
    if facts.distribution.empty:
        yield f"Not available for this portfolio: {facts.why_nothing or _NOTHING}"
        return
    newest = facts.distribution["month"].max()
    now = facts.distribution[facts.distribution["month"] == newest]
    total = int(now["borrowers"].sum())
    best, worst = facts.grades[0], facts.grades[-1]
    yield (
        f"In {newest:%Y-%m}, {total:,} borrowers had an observation point. Of them "
        f"{percent_text(_share(now, best))} ended the month at {best} and "
        f"{percent_text(_share(now, worst))} at {worst}."
    )
    moves = facts.matrix(1)
    if not moves.empty and (moved := moves.to_numpy(float)).sum():
        places = range(len(moved))
        worse = sum(moved[a, b] for a in places for b in places if b > a)
        better = sum(moved[a, b] for a in places for b in places if b < a)
        yield (
            f"{worse:,.0f} moved to a worse grade than a month before, {better:,.0f} to "
            f"a better one; {moved.trace():,.0f} stayed."
        )


def _share(rows: pd.DataFrame, grade: str) -> float:
    return float(
        rows.loc[rows["grade"] == grade, "borrowers"].sum() / rows["borrowers"].sum()
    )


def _distribution(facts: GradeFacts, origin: str) -> Section:
    why = facts.why_nothing or _NOTHING
    figure = distribution_picture(facts.distribution, facts.grades, why, origin)
    shows = "Share of each overdue grade by month"
    tables = () if facts.distribution.empty else (_distribution_table(facts),)
    return Section(
        "distribution", "How grades are spread", (), (Picture(figure, shows),), tables
    )


def _distribution_table(facts: GradeFacts) -> Table:
    counts = facts.distribution.pivot_table(
        index="month", columns="grade", values="borrowers", aggfunc="sum"
    )
    counts = counts.reindex(columns=facts.grades).fillna(0).iloc[::-1]
    rows = tuple(
        (f"{month:%Y-%m}", f"{row.sum():,.0f}", *(f"{n:,.0f}" for n in row))
        for month, row in counts.iterrows()
    )
    head = ("Month", "Borrowers", *facts.grades)
    return Table("Borrowers by the grade of their last point, newest first.", head, rows)


def _moves(facts: GradeFacts, origin: str) -> Section:
    why = facts.why_nothing or "nobody has points in two months"
    figure = transition_picture(facts.matrix(1), facts.matrix(_A_YEAR), why, origin)
    shows = "Share of the borrowers of each grade that had each grade a month later"
    tables = () if facts.moves.empty else (_moves_table(facts),)
    return Section(
        "moves",
        "How grades move",
        (
            "From the grade of the last month with a point to that of the month; who had "
            "no point within the trailing window comes back as nobody known. Intervals "
            "are Wilson's, 95 %, of each share alone.",
        ),
        (Picture(figure, shows),),
        tables,
    )


def _moves_table(facts: GradeFacts) -> Table:
    newest = facts.moves["month"].max()
    rows = tuple(
        (
            str(one["from_grade"]),
            str(one["to_grade"]),
            f"{one['borrowers']:,.0f}",
            f"{one['borrowers_from']:,.0f}",
            percent_text(one["share"]),
            f"{percent_text(one['share_low'])} to {percent_text(one['share_high'])}",
        )
        for one in facts.moves[facts.moves["month"] == newest].to_dict("records")
    )
    head = ("From", "To", "Borrowers", "Of", "Share", "95 %")
    return Table(f"Moves of {newest:%Y-%m}.", head, rows, texts=2)


def _rules(facts: GradeFacts) -> Section:
    words: tuple[str, ...] = (
        "At each day of its loans' repayment cycle a borrower is looked at: the largest "
        "days past due now, and the largest in the trailing window, each by its weight. "
        "The weight of the past moves with its relative change.",
    )
    if facts.rules is not None:
        one = facts.rules
        words += (
            f"Window {one['window_months']:.0f} months; first weight "
            f"{figure_text(one['first_weight'], 2)}, limits "
            f"{figure_text(one['min_weight'], 2)} to "
            f"{figure_text(one['max_weight'], 2)}, coefficient "
            f"{figure_text(one['adjustment'], 2)}.",
        )
    tables = () if facts.bands.empty else (_band_table(facts.bands),)
    return Section("rules", "How they are made", words, (), tables)


def _band_table(bands: pd.DataFrame) -> Table:
    rows = tuple(
        (
            str(one["grade"]),
            str(one["meaning"]),
            f"{one['composite_from_days']:.0f}",
            "-"
            if pd.isna(one["composite_to_days"])
            else f"{one['composite_to_days']:.0f}",
        )
        for one in bands.to_dict("records")
    )
    head = ("Grade", "Meaning", "Composite from, days", "Below, days")
    return Table("Bands of the composite.", head, rows, texts=2)
