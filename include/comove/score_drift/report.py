"""The reports of a month's score drift: a self-contained page, and a file to print."""

import datetime as dt
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_pdf import PdfPages

from comove.connection import connect_serving
from comove.portfolio import load_portfolio
from comove.risk_model.canvas import drawn
from comove.risk_model.page import Heading, write_month
from comove.risk_model.sections import Section
from comove.score_drift.report_facts import DriftFacts, read_facts
from comove.score_drift.report_sections import all_sections
from comove.settings import Settings

PRINTED = "score_drift.pdf"


def write_report(settings: Settings, *, run_id: str, month: dt.date) -> dict[str, Any]:
    """Write page and print of a month from the published copy.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Run reported.
    month : date
        First day of its month: the last cohort.

    Returns
    -------
    dict
        ``page``, ``reports/score_drift/<YYYY-MM>/index.html``, and ``printed``,
        ``score_drift.pdf`` beside it (None without a picture), relative to the home;
        those of an earlier run of the month are replaced. ``findings``: sentences.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    home = settings.places
    portfolio = load_portfolio(settings.portfolio).title
    with connect_serving(settings) as connection:
        facts = read_facts(connection, portfolio=portfolio, run_id=run_id, month=month)
    heading = _heading(facts)
    sections = all_sections(facts, heading.origin)
    written = write_month(home, "score_drift", heading, sections)
    beside = (home.root / written["page"]).with_name(PRINTED)
    printed = write_print(beside, heading, sections)
    return {
        **written,
        "printed": str(printed.relative_to(home.root)) if printed else None,
    }


@drawn
def write_print(file: Path, heading: Heading, sections: list[Section]) -> Path | None:
    """Write the pictures of a page as PDF, one a page, whole or not at all.

    Parameters
    ----------
    file : Path
        Replaced if it is there; removed where there is no picture.
    heading : Heading
        Becomes the title of the document.
    sections : list of Section
        In their order.

    Returns
    -------
    Path or None
        The file; None where there is no picture.
    """
    figures = [one.figure for section in sections for one in section.pictures]
    if not figures:
        file.unlink(missing_ok=True)
        return None
    title = f"{heading.title}, {heading.portfolio}, {heading.month:%Y-%m}"
    unfinished = file.with_suffix(".part")
    # Without a date the same pictures give the same bytes.
    told = {"Title": title, "Creator": None, "Producer": None, "CreationDate": None}
    with PdfPages(unfinished, metadata=told) as pages:
        for figure in figures:
            pages.savefig(figure)
    return unfinished.replace(file)


def _heading(facts: DriftFacts) -> Heading:
    return Heading(
        title="Score drift",
        portfolio=facts.portfolio,
        run_id=facts.run_id,
        month=facts.month,
        model_version=f"{facts.score_kind} score" if facts.score_kind else None,
    )
