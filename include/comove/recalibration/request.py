"""What a run of the recalibration is asked for."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Wish:
    """An assessment of a month, or an old strategy brought back.

    Parameters
    ----------
    month : date
        Last cohort month looked at, first day.
    restore : int or None
        Version to propose anew; None to assess.
    asked_by : str
        Who asked: a person's name, or ``comove``.
    """

    month: dt.date
    restore: int | None = None
    asked_by: str = "comove"
