"""The report of a month: one page and one file to print, kept for every run."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import duckdb

from comove.connection import connect_serving
from comove.monthly_report.figures import STAGES, Stage
from comove.monthly_report.found import Found, Month, read_month
from comove.monthly_report.pictures import Gallery
from comove.monthly_report.printed import write_print
from comove.monthly_report.summary import summary, waiting
from comove.monthly_report.words import DASH, shown
from comove.portfolio import load_portfolio
from comove.quality.page import file_name
from comove.risk_model.page import Heading, write_page
from comove.risk_model.sections import Section, Table
from comove.settings import Settings

FOLDER = "monthly_report"
PRINTED = "monthly_report.pdf"
# A number counted from the models of years names the newest few.
_MOST_VERSIONS = 3


def write_report(settings: Settings, *, run_id: str, month: dt.date) -> dict[str, Any]:
    """Write page and print of a month from the published copy, and from nothing else.

    Parameters
    ----------
    settings : Settings
        Say which home; bounds are shown in some pictures.
    run_id : str
        Run that reports.
    month : date
        First day of the month reported.

    Returns
    -------
    dict
        ``page`` and ``printed``, relative to the home:
        ``reports/monthly_report/<YYYY-MM>/<run>/index.html`` and ``monthly_report.pdf``,
        which stay; the same two beside the folders of the runs are the newest run's.
        ``findings``: paragraphs of the summary; ``missing``: chapters not available.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    home, portfolio = settings.places, load_portfolio(settings.portfolio).title
    with connect_serving(settings) as connection:
        found = read_month(connection, month)
        gallery = Gallery(connection, settings, portfolio, month)
        sections = all_sections(found, gallery, _runs(connection, month))
    version = next(iter(found.found["pd_mean"].model_versions), None)
    heading = Heading(
        "Monthly report", portfolio, run_id, month, version, printed=PRINTED
    )
    newest = home.reports / FOLDER / f"{month:%Y-%m}"
    page = write_page(newest / file_name(run_id), heading, sections)
    printed = write_print(page.parent / PRINTED, heading, sections)
    for file in (page, printed):
        _copy(file, newest / file.name)
    return {
        "page": str(page.relative_to(home.root)),
        "printed": str(printed.relative_to(home.root)),
        "findings": len(sections[0].words),
        "missing": len(found.missing),
    }


def all_sections(found: Month, gallery: Gallery, runs: Table) -> list[Section]:
    """Make every section, in the order of the page.

    Parameters
    ----------
    found : Month
        The figures.
    gallery : Gallery
        Draws the pictures.
    runs : Table
        Runs the figures come from.
    """
    return [
        Section("summary", "The month in words", tuple(summary(found))),
        Section("waiting", "What waits for a person", tuple(waiting(found))),
        *(_chapter(stage, found, gallery) for stage in STAGES),
        Section(
            "runs",
            "Runs of the month",
            ("Each figure names the run that wrote what it is counted from.",),
            (),
            (runs,),
        ),
    ]


def _chapter(stage: Stage, found: Month, gallery: Gallery) -> Section:
    figures = found.of(stage.name)
    tables = _figures(figures)
    if stage.name in found.missing:
        words = (f"Not available: {found.missing[stage.name]}",)
        return Section(stage.name, stage.title, words, (), tables)
    pictures = gallery.of(stage.name, _run_of(figures), _origin(figures, found.month))
    return Section(stage.name, stage.title, (), pictures, tables)


def _figures(figures: list[Found]) -> tuple[Table, ...]:
    """Give a table for each origin, which its caption names once for all its figures."""
    origins = dict.fromkeys((one.run_ids, one.model_versions) for one in figures)
    return tuple(
        _table(
            _origin_of(*origin),
            [one for one in figures if (one.run_ids, one.model_versions) == origin],
        )
        for origin in origins
    )


def _table(origin: str, figures: list[Found]) -> Table:
    rows = tuple(
        (
            one.figure.title,
            ", ".join(one.figure.tables),
            str(one.figure.unit),
            DASH if not one.figure.when else shown(one.before, one.figure.unit),
            one.text,
        )
        for one in figures
    )
    head = ("Figure", "Counted from", "Unit", "Month before", "This month")
    return Table(f"From {origin}.", head, rows, texts=3)


def _origin_of(run_ids: tuple[str, ...], versions: tuple[str, ...]) -> str:
    runs = f"run {', '.join(run_ids)}" if run_ids else "a run that is not known"
    return f"{runs}; model {_versions(versions)}" if versions else runs


def _versions(versions: tuple[str, ...]) -> str:
    more = len(versions) - _MOST_VERSIONS
    newest = ", ".join(versions[-_MOST_VERSIONS:])
    return f"{newest} and {more} more" if more > 0 else newest


def _run_of(figures: list[Found]) -> str:
    return next((one.run_ids[-1] for one in figures if one.run_ids), "")


def _origin(figures: list[Found], month: dt.date) -> str:
    versions = next((one.model_versions for one in figures if one.model_versions), ())
    model = _versions(versions) if versions else "none"
    return f"run {_run_of(figures)} · month {month:%Y-%m} · model {model}"


def _runs(connection: duckdb.DuckDBPyConnection, month: dt.date) -> Table:
    rows = connection.execute(
        """
        select dag_id, run_id, status, git_sha, strftime(started_at, '%Y-%m-%d %H:%M')
        from audit.run where month = $month order by started_at
        """,
        {"month": month},
    ).fetchall()
    head = ("DAG", "Run", "State", "Code", "Started (UTC)")
    cells = tuple(tuple(DASH if one is None else str(one) for one in row) for row in rows)
    return Table("Runs recorded for the month when it was reported.", head, cells, 5)


def _copy(file: Path, to: Path) -> None:
    unfinished = to.with_suffix(".part")
    shutil.copyfile(file, unfinished)
    unfinished.replace(to)
