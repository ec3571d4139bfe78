"""Whether the newest drift is one that nobody has looked into yet."""

import datetime as dt
from dataclasses import dataclass

from comove.connection import connect
from comove.recalibration.assess import find_drift
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

    A drift that goes on for another month is new again; one whose proposal nobody has
    decided on is told again, so that somebody is asked.

    A matrix of another score than the one applications are decided by tells nothing.

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
        drift = find_drift(connection, settings, month)
        if drift is None:
            return DriftNews(why_not="No flag of the score drift holds.")
        row = connection.execute(
            """
            select
                (select max(drift_to) from risk.score_assessment),
                (select count(*) from risk.strategy_version where status = ?)
            """,
            [PROPOSED],
        ).fetchone()
    assessed_to, waiting = row or (None, 0)
    if assessed_to is not None and assessed_to >= drift.last and not waiting:
        return DriftNews(why_not=_known(drift))
    return DriftNews(drift.flag.stage, drift.flag.label, drift.first, drift.last)


def _another_score(kind: str | None, settings: Settings) -> str:
    return (
        f"The score drift is that of the score {kind!r}; applications are decided by the "
        f"score {settings.drift_score!r}."
    )


def _known(drift: Drift) -> str:
    return (
        f"The newest drift, of {drift.first:%Y-%m} to {drift.last:%Y-%m}, was assessed "
        "before."
    )
