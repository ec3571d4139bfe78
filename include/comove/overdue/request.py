"""What one run of the overdue assessment is asked for, and why it may be refused."""

import datetime as dt
from dataclasses import dataclass

from comove.errors import ComoveError
from comove.risk_model.folds import month_of, number


class OverdueError(ComoveError):
    """A borrower cannot be assessed as asked."""


@dataclass(frozen=True)
class Wish:
    """What a run was asked for.

    Parameters
    ----------
    month : date
        Month of the run, first day.
    borrower : str or None
        Id or key of the one borrower to assess; None for all of the month.
    on : date or None
        Day at whose end that borrower is assessed; None for the month's last.
    asked_by : str
        Who, kept with every row.
    """

    month: dt.date
    borrower: str | None = None
    on: dt.date | None = None
    asked_by: str = "comove"

    @property
    def as_of(self) -> dt.date:
        """Day at whose end borrowers are assessed."""
        return self.on or last_day(self.month)


def last_day(month: dt.date) -> dt.date:
    """Last day of a month, given by any of its days."""
    return month_of(number(month) + 1) - dt.timedelta(days=1)
