"""Whether the newest drift is one that nobody has looked into yet."""

import datetime as dt
from dataclasses import dataclass

from comove.connection import connect
from comove.recalibration.assess import calling_drifts, find_drifts, read_window
from comove.recalibration.assessed import assessed_cells
from comove.recalibration.drift import Drift, drift_score_kind
from comove.recalibration.tables import ensure_recalibration_tables
from comove.recalibration.versions import PROPOSED
from comove.settings import Settings


@dataclass(frozen=True)
class DriftNews:
    """The newest drift, if it is new.

    Parameters
    ----------
    stage, label : str
        Where; empty where nothing is new.
    first, last : date or None
        First and last month.
    why_not : str or None
        Why nothing is new, as a sentence.
    """

    stage: str = ""
    label: str = ""
    first: dt.date | None = None
    last: dt.date | None = None
    why_not: str | None = None


def new_drift(settings: Settings, *, month: dt.date) -> DriftNews:
    """Find the newest drift up to a month, unless it was assessed and decided before.

    Drifts are told apart by stage and label, and known by their flags: one of outcomes,
    seen half a year late, is new beside a policy drift that was assessed, and so is one
    that goes on for another month. While a proposal waits, it is told again, so that
    somebody is asked.

    A matrix of another score than the one that is recalibrated tells nothing.

    Parameters
    ----------
    settings : Settings
        Say which home, whose score, and how sure a drift must be.
    month : date
        Last cohort month looked at, first day.
    """
    with connect(settings) as connection:
        ensure_recalibration_tables(connection)
        if (kind := drift_score_kind(connection)) != settings.drift_score:
            return DriftNews(why_not=_another_score(kind, settings))
        drifts = find_drifts(connection, settings, month)
        call = calling_drifts(
            connection, drifts, read_window(connection, settings, month)
        )
        assessed = assessed_cells(connection)
        row = connection.execute(
            "select count(*) from risk.strategy_version where status = ?", [PROPOSED]
        ).fetchone()
    fresh = [one for one in call if not one.cells <= assessed]
    if row and row[0]:
        # Somebody is to be asked again, about what is new as well.
        fresh = [*fresh, *call]
        return _told(fresh[0]) if fresh else DriftNews()
    if fresh:
        return _told(fresh[0])
    if not drifts:
        return DriftNews(why_not="No flag of the score drift holds.")
    return DriftNews(why_not=_known(drifts[-1]))


def _told(drift: Drift) -> DriftNews:
    return DriftNews(drift.flag.stage, drift.flag.label, drift.first, drift.last)


def _another_score(kind: str | None, settings: Settings) -> str:
    return (
        f"The score drift is that of the score {kind!r}; the setting drift_score says "
        f"{settings.drift_score!r}."
    )


def _known(drift: Drift) -> str:
    return (
        f"The newest drift, of {drift.first:%Y-%m} to {drift.last:%Y-%m}, was assessed "
        "before, as were the others."
    )
