"""The operator that asks a person whether decisions on applications stand."""

from comove_airflow.approval import PersonApproval


class ReviewApproval(PersonApproval):
    """Ask once for all decisions that wait; skipped where there is none.

    A rejection is recorded by the task after it. Without an answer in time it is skipped,
    and the next run asks.
    """

    counted_as = "reviews_waiting"
    nothing_waits = "No decision waits for a person."
    not_answered = (
        "Nobody has answered in time: the decisions keep waiting, and the next run asks "
        "again."
    )
