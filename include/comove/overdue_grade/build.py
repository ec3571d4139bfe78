"""Building the grades of a month: points, extremes, weights, grades, transitions."""

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from comove.audit import note_unavailable
from comove.audit.tables import ensure_tables
from comove.connection import connect
from comove.overdue_grade.request import GradeRequest, note_graded, write_request
from comove.portfolio import load_portfolio
from comove.settings import Settings
from comove.warehouse import Part, build_part, require_built

LOG = logging.getLogger(__name__)
Tell = Callable[[str], None]
PURPOSE = "overdue_grade"
UNAVAILABLE = "not available for this portfolio"


@dataclass(frozen=True)
class GradeReport:
    """What was built.

    Parameters
    ----------
    as_of : date
        Last day graded.
    graded_until : date or None
        Last day that was graded before and stayed; None where everything is new.
    borrowers, points : int
        With grades; points graded, all together.
    new_points : int
        Those of them that this run made.
    unavailable : str or None
        Why there are no grades, as a sentence; None where there are any.
    """

    as_of: dt.date
    graded_until: dt.date | None
    borrowers: int
    points: int
    new_points: int
    unavailable: str | None


def build_grades(
    settings: Settings,
    *,
    run_id: str,
    month: dt.date,
    full_refresh: bool = False,
    tell: Tell = LOG.info,
) -> GradeReport:
    """Grade every borrower at every observation point up to a month's end.

    Points graded before stay where nothing they follow from has changed; new ones are
    appended from the last weight on. Borrowers with late or corrected rows are graded
    anew from their first point. Months already graded beyond `month` are kept right.

    Parameters
    ----------
    settings : Settings
        Say which portfolio and home; weights and window.
    run_id : str
        Kept with every row it makes.
    month : date
        First day of the run's month: nothing after its end is known.
    full_refresh : bool
        Whether to grade every point anew.
    tell : callable
        Takes one sentence of progress per table; by default the log.

    Returns
    -------
    GradeReport
        Counts. A portfolio without instalments has empty tables, and the reason stands
        in `audit.unavailable_model`.

    Raises
    ------
    WarehouseError
        When the marts are not built up to the month, a table cannot be built or a test
        fails.
    SettingsError
        When the weights contradict each other.
    """
    require_built(settings, month)
    request = write_request(
        settings, run_id=run_id, month=month, full_refresh=full_refresh
    )
    build_part(
        Part.OVERDUE_GRADE,
        settings,
        run_id=run_id,
        full_refresh=request.graded_until is None,
        tell=tell,
    )
    note_graded(settings, request, run_id=run_id)
    report = _report(settings, request, run_id)
    _note_reason(settings, run_id, report.unavailable)
    return report


def _report(settings: Settings, request: GradeRequest, run_id: str) -> GradeReport:
    with connect(settings, read_only=True) as connection:
        borrowers, points, new = connection.execute(
            """
            select count(distinct borrower_key), count(*), count(*) filter (run_id = ?)
            from risk.overdue_grade
            """,
            [run_id],
        ).fetchall()[0]
    return GradeReport(
        as_of=request.as_of,
        graded_until=request.graded_until,
        borrowers=int(borrowers),
        points=int(points),
        new_points=int(new),
        unavailable=None if points else why_none(settings, request.as_of),
    )


def why_none(settings: Settings, as_of: dt.date) -> str:
    """Say why a portfolio has no grades.

    Parameters
    ----------
    settings : Settings
        Say which portfolio.
    as_of : date
        Last day that was to be graded.
    """
    absent = load_portfolio(settings.portfolio).absent.get("repayments")
    return f"{UNAVAILABLE}: " + (
        f"without instalments nothing is known to be late. {absent}"
        if absent
        else f"no instalment falls due up to {as_of:%Y-%m-%d}."
    )


def _note_reason(settings: Settings, run_id: str, reason: str | None) -> None:
    """Note it beside the reasons that other stages of the run have noted."""
    with connect(settings) as connection:
        ensure_tables(connection)
        reasons = _noted(connection, run_id)
    reasons.pop(PURPOSE, None)
    if reason:
        reasons[PURPOSE] = reason.removeprefix(f"{UNAVAILABLE}: ")
    note_unavailable(settings, run_id, reasons)


def _noted(connection: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, str]:
    rows = connection.execute(
        "select purpose, reason from audit.unavailable_model where run_id = ?", [run_id]
    ).fetchall()
    return dict(rows)
