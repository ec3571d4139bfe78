"""The operator that asks a person whether debtors' limits are to be frozen."""

from comove_airflow.approval import PersonApproval


class FreezeApproval(PersonApproval):
    """Ask once for all freezes that wait; skipped where there is none.

    A rejection is recorded by the task after it. Without an answer in time it is skipped,
    and the next run asks.
    """

    counted_as = "freezes_waiting"
    nothing_waits = "No freeze waits for approval."
    not_answered = (
        "Nobody has answered in time: the freezes stay proposed, and the next run asks "
        "again."
    )
