"""What one run of the response is asked for."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Wish:
    """What a run was asked for.

    Parameters
    ----------
    month : date
        Month of the run, first day.
    is_month_given : bool
        A person named it.
    borrower : str or None
        Id or key of a borrower whose default a person gives by hand; None to take the
        new events of the month.
    given_by : str
        Who, kept with the event.
    """

    month: dt.date
    is_month_given: bool = False
    borrower: str | None = None
    given_by: str = "comove"

    @property
    def is_by_hand(self) -> bool:
        """A person asked for something that must not be passed over in silence."""
        return self.is_month_given or self.borrower is not None
