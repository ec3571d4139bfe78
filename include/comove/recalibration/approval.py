"""A person's answer on a proposed strategy, and what it does."""

from dataclasses import dataclass

from comove.audit import ensure_tables
from comove.connection import connect
from comove.recalibration.tables import ensure_recalibration_tables
from comove.recalibration.versions import (
    IN_FORCE,
    Answer,
    decide_version,
    version_in_force,
)
from comove.settings import Settings

APPROVED, REJECTED = "approved", "rejected"


@dataclass(frozen=True)
class DecisionReport:
    """What an answer did.

    Parameters
    ----------
    version : int
        Decided on.
    is_approved : bool
        Whether it came into force.
    version_in_force : int
        Afterwards.
    """

    version: int
    is_approved: bool
    version_in_force: int


def decide(settings: Settings, *, run_id: str, answer: Answer) -> DecisionReport:
    """Record a person's answer and follow it: only approved versions come into force.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Kept with the decision; deciding again in the same run changes nothing.
    answer : Answer
        On the version the person was shown.

    Returns
    -------
    DecisionReport
        What is in force now.

    Raises
    ------
    RecalibrationError
        When the version that was shown no longer waits.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_recalibration_tables(connection)
        connection.execute("begin")
        is_approved = decide_version(connection, answer, run_id=run_id) == IN_FORCE
        connection.execute(
            "update risk.recalibration set status = ? where version = ?",
            [APPROVED if is_approved else REJECTED, answer.version],
        )
        now, _ = version_in_force(connection)
        connection.execute("commit")
    return DecisionReport(answer.version, is_approved, now)
