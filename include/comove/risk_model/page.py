"""A report as one page of HTML that needs nothing from outside."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from comove.home import Home
from comove.risk_model.canvas import as_data_uri
from comove.risk_model.sections import Section

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["image"] = lambda picture: as_data_uri(picture.figure, picture.kind)


@dataclass(frozen=True)
class Heading:
    """What stands above a report.

    Parameters
    ----------
    title, portfolio, run_id : str
        What it is about, of whom, from which run.
    month : date
        Of the run, first day.
    model_version : str or None
        Of the model reported.
    versions : frozenset of str
        Model versions that tables may name; they are not broken over lines.
    printed : str or None
        File beside the page that holds the same to print, if any.
    """

    title: str
    portfolio: str
    run_id: str
    month: dt.date
    model_version: str | None = None
    versions: frozenset[str] = frozenset()
    printed: str | None = None

    @property
    def origin(self) -> str:
        """Run, month and model version, as every figure says them."""
        model = self.model_version or "none"
        return f"run {self.run_id} · month {self.month:%Y-%m} · model {model}"


def render_page(heading: Heading, sections: list[Section]) -> str:
    """Write a page as HTML, its pictures in it.

    Parameters
    ----------
    heading : Heading
        What stands above.
    sections : list of Section
        In their order.
    """
    template = _environment.get_template("report.html.j2")
    return template.render(heading=heading, sections=sections)


def write_page(folder: Path, heading: Heading, sections: list[Section]) -> Path:
    """Write a page as ``index.html`` into a folder, whole or not at all.

    Returns
    -------
    Path
        The file; one that was there is replaced.
    """
    text = render_page(heading, sections)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "index.part"
    unfinished.write_text(text, encoding="utf-8")
    return unfinished.replace(folder / "index.html")


def write_month(
    home: Home, stage: str, heading: Heading, sections: list[Section]
) -> dict[str, Any]:
    """Write the page of a stage's month where readers look for it.

    Parameters
    ----------
    home : Home
        Whose reports.
    stage : str
        Folder below ``reports/``.
    heading : Heading
        What stands above; its month names the folder.
    sections : list of Section
        In their order, the summary first.

    Returns
    -------
    dict
        ``page``, ``reports/<stage>/<YYYY-MM>/index.html``, relative to the home; one of
        an earlier run of the month is replaced. ``findings``: sentences of the summary.
    """
    page = write_page(home.reports / stage / f"{heading.month:%Y-%m}", heading, sections)
    return {
        "page": str(page.relative_to(home.root)),
        "findings": len(sections[0].words),
    }
