"""The operator that asks a person whether a changed strategy is to come into force."""

from comove_airflow.approval import PersonApproval


class RecalibrationApproval(PersonApproval):
    """Ask about the version of the strategy that waits; skipped where there is none.

    A rejection is recorded by the task after it. Without an answer in time it is skipped,
    and the next run asks.
    """

    counted_as = "proposals_waiting"
    nothing_waits = "No changed strategy waits for approval."
    not_answered = (
        "Nobody has answered in time: the version stays proposed, and the next run asks "
        "again."
    )
