"""Building the matrix of a month: labels, funnel, KS, intervals, flags."""

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from comove.connection import connect
from comove.score_drift.intervals import write_intervals
from comove.score_drift.labels import fill_labels
from comove.score_drift.request import ScoreKind, write_request
from comove.settings import Settings
from comove.warehouse import Part, build_part

LOG = logging.getLogger(__name__)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class DriftReport:
    """What was built.

    Parameters
    ----------
    first_month, month : date
        First and last cohort.
    score : str
        ``own`` or ``lender``.
    applications, scored, labelled : int
        Applications up to the month; with a score; with a policy label.
    cells, drifts : int
        Cells with a KS, and cells flagged.
    unavailable : str or None
        Why there is no KS at all, as a sentence; None where there is any.
    """

    first_month: dt.date
    month: dt.date
    score: str
    applications: int
    scored: int
    labelled: int
    cells: int
    drifts: int
    unavailable: str | None


def build_drift(
    settings: Settings,
    *,
    run_id: str,
    month: dt.date,
    score: ScoreKind | None = None,
    tell: Tell = LOG.info,
) -> DriftReport:
    """Build everything `risk` holds of the score's drift, as known at a month's end.

    Parameters
    ----------
    settings : Settings
        Say which portfolio and home; baseline, tolerance, labels.
    run_id : str
        Kept with every row of `risk.score_drift`.
    month : date
        First day of the run's month: the last cohort, and nothing later is known.
    score : {"own", "lender"}, optional
        Whose score; by default the setting ``drift_score``.
    tell : callable
        Takes one sentence of progress per table; by default the log.

    Returns
    -------
    DriftReport
        Counts.

    Raises
    ------
    WarehouseError
        When the risk models have not run, a table cannot be built or a test fails.
    """
    request = write_request(settings, run_id=run_id, month=month, score=score)
    build_part(Part.SCORE_CELLS, settings, run_id=run_id, tell=tell)
    write_intervals(settings)
    build_part(Part.SCORE_DRIFT, settings, run_id=run_id, tell=tell)
    fill_labels(settings)
    return _report(settings, request.first_month, month, request.score)


def _report(
    settings: Settings, first_month: dt.date, month: dt.date, score: str
) -> DriftReport:
    with connect(settings, read_only=True) as connection:
        counts = connection.execute(
            """
            select count(*), count(score), count(policy_label)
            from risk.application_label
            """
        ).fetchall()[0]
        cells, drifts = connection.execute(
            "select count(ks), count(*) filter (is_drift) from risk.score_drift"
        ).fetchall()[0]
    applications, scored, labelled = (int(count) for count in counts)
    why = None if cells else _why_no_ks(score, applications, scored, labelled)
    return DriftReport(
        first_month,
        month,
        score,
        applications,
        scored,
        labelled,
        int(cells),
        int(drifts),
        why,
    )


def _why_no_ks(score: str, applications: int, scored: int, labelled: int) -> str:
    whose = "of the lender" if score == "lender" else "of ours"
    if not scored:
        return (
            f"not available for this portfolio: none of {applications:,} applications "
            f"has a score {whose}."
        )
    return (
        f"not available for this portfolio: {scored:,} applications have a score "
        f"{whose}, {labelled:,} a policy label, and no month and stage has both good and "
        "bad ones."
    )
