"""The page of a run's gates: one file that needs nothing from outside."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from comove.connection import connect
from comove.portfolio import load_portfolio
from comove.settings import Settings

# In the order of the data's way; `risk_model` and `overdue_model` are the gates of the
# challengers, `joint_fit` that of the sampler.
STAGES = (
    "landed",
    "staging",
    "marts",
    "risk_model",
    "risk",
    "joint_fit",
    "joint_risk",
    "default_response",
    "score_drift",
    "recalibration",
    "overdue_model",
    "overdue",
    "overdue_grade",
)

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Line:
    """One check on the page.

    Parameters
    ----------
    stage, check_name, severity : str
        As recorded.
    success : bool
        Whether it holds.
    observed, expected, table_name, column_name, reason : str or None
        As recorded.
    checked_at : datetime
        When.
    """

    stage: str
    check_name: str
    severity: str
    success: bool
    observed: str | None
    expected: str | None
    table_name: str | None
    column_name: str | None
    reason: str | None
    checked_at: Any

    @property
    def status(self) -> str:
        """Status in words: passed, not available, noted, warning or failed."""
        if self.success:
            absent = (self.observed or "").startswith("not available")
            return "not available" if absent else "passed"
        return {"critical": "failed", "warning": "warning"}.get(self.severity, "noted")


def write_page(settings: Settings, run_id: str) -> Path:
    """Write the page of all gates a run has passed so far.

    Parameters
    ----------
    settings : Settings
        Says which home.
    run_id : str
        Whose results.

    Returns
    -------
    Path
        ``reports/quality/<run_id>.html``; ``latest.html`` beside it is the same.
    """
    lines = _read_lines(settings, run_id)
    text = render_page(load_portfolio(settings.portfolio).title, run_id, lines)
    folder = settings.places.reports / "quality"
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{file_name(run_id)}.html"
    for file in (page, folder / "latest.html"):
        unfinished = file.with_suffix(".part")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)
    return page


def render_page(portfolio: str, run_id: str, lines: list[Line]) -> str:
    """Page as HTML.

    Parameters
    ----------
    portfolio, run_id : str
        For the heading.
    lines : list of Line
        A row each.
    """
    counts = {status: 0 for status in ("failed", "warning", "noted", "passed")}
    counts["not available"] = 0
    for line in lines:
        counts[line.status] += 1
    return _environment.get_template("page.html.j2").render(
        portfolio=portfolio,
        run_id=run_id,
        lines=lines,
        counts=counts,
        stages=[stage for stage in STAGES if any(line.stage == stage for line in lines)],
    )


def file_name(run_id: str) -> str:
    """Run id as a file name.

    Run ids of Airflow hold colons and pluses; what replaces them could make two ids
    equal, so a changed one gets a piece of its hash.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", run_id).lstrip(".")[:120]
    if plain == run_id:
        return plain
    return f"{plain}_{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def _read_lines(settings: Settings, run_id: str) -> list[Line]:
    with connect(settings, read_only=True) as connection:
        rows = connection.execute(
            """
            select stage, check_name, severity, success, observed, expected,
                table_name, column_name, reason, checked_at
            from audit.quality_result
            where run_id = ?
            order by list_position(?, stage),
                success, list_position(['critical', 'warning', 'info'], severity),
                check_name
            """,
            [run_id, list(STAGES)],
        ).fetchall()
    return [Line(*row) for row in rows]
